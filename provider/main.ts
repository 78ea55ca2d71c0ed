#!/usr/bin/env node
import { parseArgs } from "node:util";
import { searchPath } from "./cli/programs.ts";
import { MetalError } from "./kernel/errors.ts";
import { lineLogger } from "./kernel/log.ts";
import { version } from "./launch.ts";

/** The executable: it decides what of the program is loaded, and the exit code. */

// A plain user's PATH lacks the sbin folders, where dnsmasq and mke2fs are.
process.env["PATH"] = searchPath(process.env["PATH"]);
const stopping = new AbortController();
// Not `once`: execa's own handler ends a process at once that has none left, in the middle of whatever it was cleaning up.
for (const [signal, code] of [["SIGINT", 130] as const, ["SIGTERM", 143] as const]) {
  process.on(signal, () =>
    stopping.signal.aborted ? process.exit(code) : stopping.abort(new Error(signal)),
  );
}
// Whoever reads our output may have read enough: `… | head`.
process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => process.exit(code === "EPIPE" ? 0 : 1));

/** The helper as a provider starts it. It stays for hours, and loads nothing of what only people's commands need. */
async function startHelper(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { settings: { type: "string" } } });
  if (values.settings === undefined) throw new TypeError("the helper is started with --settings");
  const { runHelper } = await import("./helper.ts");
  const { SiteSettings } = await import("./site/settings.ts");
  await runHelper(SiteSettings.parse(JSON.parse(values.settings)), {
    log: lineLogger((line) => console.log(line)),
    version: version(),
    signal: stopping.signal,
  });
}

const helper = process.argv[2] === "helper";
try {
  if (helper) await startHelper(process.argv.slice(3));
  else await (await import("./commands.ts")).runCommands(stopping.signal);
} catch (error) {
  // `FAILED` is what a provider looks for in the log of a helper that does not start.
  const { message, stack } = error as Error;
  // Whoever pressed Ctrl-C knows why it ended; 130 is what shells say of it.
  const interrupted = stopping.signal.aborted && !helper;
  if (!interrupted && !(error instanceof MetalError)) console.error(stack);
  if (!interrupted) console.error(helper ? `FAILED ${message.split("\n")[0]}` : message);
  process.exitCode = interrupted ? 130 : 1;
}
