import { resolve } from "node:path";
import { Command } from "commander";
import { lineLogger } from "../kernel/log.ts";
import type { Shell } from "./shell.ts";

interface ServeOptions {
  readonly settings: string;
  readonly check?: true;
}

/** `serve`: the deploy helper as a service, in the foreground. */
export function serveCommand(shell: Shell): Command {
  return new Command("serve")
    .description("run the deploy helper as a service, for clients on other hosts")
    .requiredOption("--settings <file>", "the service's settings, YAML")
    .option("--check", "only tell whether the settings are right")
    .action(async (options: ServeOptions) => {
      const { ctx } = shell;
      const file = resolve(shell.cwd, options.settings);
      const { stateDir, cacheDir } = shell.settings({});
      if (options.check) {
        const { checkSettings } = await import("../serve/check.ts");
        await checkSettings(ctx, file, { stateDir, cacheDir });
        return shell.print(`The settings in ${file} are right.\n`);
      }
      const { readSettings } = await import("../serve/settings.ts");
      const { runService } = await import("../serve/index.ts");
      const settings = await readSettings(file, { stateDir, cacheDir });
      const log = lineLogger((line) => shell.print(`${line}\n`));
      await runService(settings, { log, version: shell.launch.version, signal: ctx.signal });
    });
}
