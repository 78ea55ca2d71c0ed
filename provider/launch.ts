import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Launch } from "./site/embedded.ts";

const require = createRequire(import.meta.url);

/** Where this package says what it is. */
export const packageFile = (): string => require.resolve("pulumi-baremetal/package.json");

/** The version of this package. */
export const version = (): string => (require(packageFile()) as { version: string }).version;

/** How this very code is started as a helper: compiled it is plain JavaScript, from a checkout it goes through tsx. */
export function launchOf(execPath: string, execArgv: readonly string[]): Launch {
  const compiled = import.meta.url.endsWith(".js");
  const main = fileURLToPath(new URL(compiled ? "./main.js" : "./main.ts", import.meta.url));
  const loader = compiled ? [] : execArgv.length > 0 ? execArgv : ["--import", import.meta.resolve("tsx")];
  return { file: execPath, args: [...loader, main, "helper"], version: version() };
}
