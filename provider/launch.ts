import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Launch } from "./site/embedded.ts";

const require = createRequire(import.meta.url);

/** Where this package says what it is. */
export const packageFile = (): string => require.resolve("pulumi-baremetal/package.json");

/** The version of this package. */
export const version = (): string => (require(packageFile()) as { version: string }).version;

/**
 * A helper waits most of its life, and the work is done by programs that it starts. Without these V8 makes room for speed that
 * nobody needs: 32 MB for young objects, an old space that grows by halves, and four threads to collect both.
 */
export const lean: readonly string[] = ["--max-semi-space-size=1", "--optimize-for-size", "--v8-pool-size=1"];

/** How this very code is started as a helper: compiled it is plain JavaScript, from a checkout it goes through tsx. */
export function launchOf(execPath: string, execArgv: readonly string[]): Launch {
  const compiled = import.meta.url.endsWith(".js");
  const main = fileURLToPath(new URL(compiled ? "./main.js" : "./main.ts", import.meta.url));
  const loader = compiled ? [] : execArgv.length > 0 ? execArgv : ["--import", import.meta.resolve("tsx")];
  return { file: execPath, args: [...lean, ...loader, main, "helper"], version: version() };
}
