import { homedir } from "node:os";
import { Command } from "commander";
import { addNouns } from "./cli/program.ts";
import { searchPath } from "./cli/programs.ts";
import { readSecret } from "./cli/secret.ts";
import { settingsFor } from "./cli/settings.ts";
import { forSite, type SiteOptions } from "./cli/shell.ts";
import { type Context, newContext } from "./kernel/context.ts";
import { silent } from "./kernel/log.ts";
import { launchOf, version } from "./launch.ts";
import { clientOf } from "./site/client.ts";
import { connectAny } from "./site/embedded.ts";
import { remoteOf } from "./site/remote.ts";
import { type SiteSettings, socketOf } from "./site/settings.ts";
import { overSocket } from "./site/transport.ts";

/** The commands of argv, done. `signal` is the Ctrl-C of whoever typed them. */
export async function runCommands(signal: AbortSignal): Promise<void> {
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
      signal,
      log: { ...silent, warn: (text) => note(`warning: ${text}\n`) },
    }),
    cwd: process.cwd(),
    home: homedir(),
    print: (text) => void process.stdout.write(text),
    note,
    env: (name) => process.env[name],
    secret: (question) => readSecret(question, signal),
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
      const ctx = newContext({ signal });
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
      const ctx = newContext({ signal });
      const launch = launchOf(process.execPath, process.execArgv);
      if (!(await connectStdio(ctx, process, () => settings({}), launch))) process.exitCode = 1;
    });

  await program.parseAsync();
}
