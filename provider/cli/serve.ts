import { resolve } from "node:path";
import { Command } from "commander";
import { lineLogger } from "../kernel/log.ts";
import type { Shell } from "./shell.ts";

interface ServeOptions {
  readonly settings: string;
  readonly check?: true;
  readonly unit?: true;
}

/** `serve`: the deploy helper as a service, in the foreground. */
export function serveCommand(shell: Shell): Command {
  return new Command("serve")
    .description("run the deploy helper as a service, for clients on other hosts")
    .requiredOption("--settings <file>", "the service's settings, YAML")
    .option("--check", "only tell whether the settings are right")
    .option("--unit", "only print a systemd unit that runs it")
    .action(async (options: ServeOptions) => {
      const { ctx } = shell;
      const file = resolve(shell.cwd, options.settings);
      const { stateDir, cacheDir } = shell.settings({});
      if (options.check) {
        const { checkSettings } = await import("../serve/check.ts");
        await checkSettings(ctx, file, { stateDir, cacheDir });
        return shell.print(`The settings in ${file} are right.\n`);
      }
      if (options.unit) {
        const { checkSettings } = await import("../serve/check.ts");
        const { unitOf } = await import("../serve/unit.ts");
        const checked = await checkSettings(ctx, file, { stateDir, cacheDir });
        return shell.print(unitOf(checked, file, shell.launch));
      }
      const { readSettings } = await import("../serve/settings.ts");
      const { runService } = await import("../serve/index.ts");
      const settings = await readSettings(file, { stateDir, cacheDir });
      const log = lineLogger((line) => shell.print(`${line}\n`));
      const { version } = shell.launch;
      await runService(settings, { log, version, signal: ctx.signal, softly: shell.softly() });
    });
}
