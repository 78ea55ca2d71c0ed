import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Launch } from "./site/embedded.ts";

/** The version of this package. */
export function version(): string {
  const require = createRequire(import.meta.url);
  return (require("pulumi-baremetal/package.json") as { version: string }).version;
}

/** How this very code is started as a helper: compiled it is plain JavaScript, from a checkout it goes through tsx. */
export function launchOf(execPath: string, execArgv: readonly string[]): Launch {
  const compiled = import.meta.url.endsWith(".js");
  const main = fileURLToPath(new URL(compiled ? "./main.js" : "./main.ts", import.meta.url));
  const loader = compiled ? [] : execArgv.length > 0 ? execArgv : ["--import", import.meta.resolve("tsx")];
  return { file: execPath, args: [...loader, main, "helper"], version: version() };
}
