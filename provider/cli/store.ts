import { isAbsolute, resolve } from "node:path";
import { Command } from "commander";
import { dateOf } from "../kernel/context.ts";
import { showBytes } from "../kernel/units.ts";
import { hostOf } from "../site/remote.ts";
import { cliErrors } from "./errors.ts";
import { type OutputOptions, type Shell, tell, withOutput } from "./shell.ts";

/** `store`: the records of a site, as a whole. */
export function storeCommand(shell: Shell): Command {
  const { ctx } = shell;
  const store = new Command("store").description("the records of a site: backup, restore");

  withOutput(store.command("backup"))
    .description("copy the store and its key into a folder, while the site works")
    .argument("<folder>", "a folder of the site's host that is empty or does not exist yet")
    .action(async (given: string, options: OutputOptions) => {
      const host = hostOf(options.site);
      if (host !== undefined && !isAbsolute(given)) {
        throw cliErrors.make("BACKUP_ELSEWHERE", { folder: given, host });
      }
      const folder = resolve(shell.cwd, given);
      const answer = await shell.site(options).perform(ctx, { kind: "backup", folder });
      tell(
        shell,
        options,
        answer,
        ({ bytes }) =>
          `The store is copied to ${folder}${host === undefined ? "" : `, a folder there, at ${host}`} (${showBytes(Number(bytes))}).\nIt holds the key to its passwords: keep it as you keep those.`,
      );
    });

  withOutput(store.command("restore"))
    .description("put a backup in the place of the store; no helper may be at work on it")
    .argument("<folder>", "what `store backup` filled")
    .option("--replace", "if there is a store already, move it aside")
    .action(async (given: string, options: OutputOptions & { replace?: boolean }) => {
      const { restoreStore } = await import("../site/local/store/restore.ts");
      const folder = resolve(shell.cwd, given);
      const { stateDir } = shell.settings(options);
      const how = { replace: options.replace ?? false, now: dateOf(ctx.clock) };
      const restored = await restoreStore(folder, stateDir, how);
      tell(shell, options, { folder, stateDir, ...restored }, ({ records, siteId, aside }) =>
        [
          `The store in ${stateDir} is that of ${folder}: site ${siteId}, ${records} ${records === 1 ? "record" : "records"}.`,
          ...(aside === undefined ? [] : [`The one that was there lies in ${aside}.`]),
          "What was declared after the backup is not in it: `pulumi up` enrols it again.",
        ].join("\n"),
      );
    });
  return store;
}
