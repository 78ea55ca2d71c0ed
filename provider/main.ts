#!/usr/bin/env node
import { homedir } from "node:os";
import { Command } from "commander";
import { addNouns } from "./cli/program.ts";
import { searchPath } from "./cli/programs.ts";
import { settingsFor } from "./cli/settings.ts";
import { forSite, type SiteOptions } from "./cli/shell.ts";
import { type Context, newContext } from "./kernel/context.ts";
import { MetalError } from "./kernel/errors.ts";
import { lineLogger, silent } from "./kernel/log.ts";
import { launchOf, version } from "./launch.ts";
import { clientOf } from "./site/client.ts";
import { connectAny } from "./site/embedded.ts";
import { remoteOf } from "./site/remote.ts";
import { type SiteSettings, socketOf } from "./site/settings.ts";
import { overSocket } from "./site/transport.ts";

/** The executable's composition root: it reads argv and the environment, and decides the exit code. */

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
const program = new Command("pulumi-baremetal")
  .description("Physical servers as Pulumi resources.")
  .version(version());

const note = (text: string) => void process.stderr.write(text);
const settings = (options: SiteOptions) =>
  settingsFor(options, { env: process.env, home: homedir(), cwd: process.cwd() });
const launch = launchOf(process.execPath, process.execArgv);
const listening = ({ stateDir }: SiteSettings) => clientOf(overSocket(socketOf(stateDir)));
const far = ({ site, stateDir }: SiteOptions) => {
  const caller = { version: version(), token: process.env["BAREMETAL_TOKEN"] };
  const remote = stateDir === undefined ? remoteOf(site, caller) : undefined;
  return remote && clientOf(remote);
};
addNouns(program, {
  ctx: newContext({
    signal: stopping.signal,
    log: { ...silent, warn: (text) => note(`warning: ${text}\n`) },
  }),
  cwd: process.cwd(),
  home: homedir(),
  print: (text) => void process.stdout.write(text),
  note,
  columns: process.stdout.isTTY ? process.stdout.columns : undefined,
  softly() {
    const ending = new AbortController();
    // Not SIGUSR1, by which HAProxy does it: there Node opens its debugger.
    process.on("SIGUSR2", () => ending.abort(new Error("SIGUSR2")));
    return ending.signal;
  },
  launch,
  settings,
  site: (options) => far(options) ?? connectAny(settings(options), launch),
  listening: (options) => far(options) ?? listening(settings(options)),
});

forSite(program.command("doctor"))
  .description("tell what is present on this host, what each thing is for, what is wrong and the remedy")
  .option("--dhcp", "print the lines that a DHCP server of your own needs, of each network of the site")
  .option("--interface <name>", "only of the network on this interface, for --dhcp")
  .action(async (options: SiteOptions & { dhcp?: boolean; interface?: string }) => {
    const ctx = newContext({ signal: stopping.signal });
    if (options.dhcp) {
      const { dhcpLines } = await import("./cli/dhcp.ts");
      process.stdout.write(await dhcpLines(ctx, settings(options), options.interface));
      return;
    }
    const { doctor } = await import("./cli/doctor.ts");
    const { networkFindings } = await import("./cli/doctor-networks.ts");
    const { renderReport } = await import("./cli/report.ts");
    const { platform, arch } = process;
    const host = { platform, arch, node: process.versions.node, path: searchPath(process.env["PATH"]) };
    const site = settings(options);
    const networks = (inner: Context) => networkFindings(inner, site, listening(site));
    const report = await doctor(ctx, { ...host, networks });
    process.stdout.write(renderReport(report));
    process.exitCode = report.healthy ? 0 : 1;
  });

program
  .command("connect")
  .description("the far end of `ssh://`: what a client starts here, to reach this user's site")
  .action(async () => {
    const { connectStdio } = await import("./connect.ts");
    const ctx = newContext({ signal: stopping.signal });
    const launch = launchOf(process.execPath, process.execArgv);
    if (!(await connectStdio(ctx, process, () => settings({}), launch))) process.exitCode = 1;
  });

program
  .command("helper", { hidden: true })
  .description("the deploy helper, as the provider starts it")
  .requiredOption("--settings <json>", "site settings")
  .action(async ({ settings }: { settings: string }) => {
    const { runHelper } = await import("./helper.ts");
    const { SiteSettings } = await import("./site/settings.ts");
    const log = lineLogger((line) => console.log(line));
    await runHelper(SiteSettings.parse(JSON.parse(settings)), {
      log,
      version: version(),
      signal: stopping.signal,
    });
  });

try {
  await program.parseAsync();
} catch (error) {
  // `FAILED` is what a provider looks for in the log of a helper that does not start.
  const helper = process.argv[2] === "helper";
  const { message, stack } = error as Error;
  // Whoever pressed Ctrl-C knows why it ended; 130 is what shells say of it.
  const interrupted = stopping.signal.aborted && !helper;
  if (!interrupted && !(error instanceof MetalError)) console.error(stack);
  if (!interrupted) console.error(helper ? `FAILED ${message.split("\n")[0]}` : message);
  process.exitCode = interrupted ? 130 : 1;
}
