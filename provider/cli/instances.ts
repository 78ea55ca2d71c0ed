import { Command } from "commander";
import { siteErrors } from "../site/errors.ts";
import type { State } from "../site/site.ts";
import { detailsOf, shortDigest } from "./details.ts";
import { addLog } from "./log.ts";
import { type OutputOptions, type Shell, tell, textOf, withOutput } from "./shell.ts";
import { type Column, pairs, plain, table } from "./table.ts";

/** `instances`: the operating systems on a site's servers. */
export function instancesCommand(shell: Shell): Command {
  const { ctx } = shell;
  const instances = new Command("instances").description(
    "the operating systems on a site's servers: look, read the log, abort",
  );

  withOutput(instances.command("list"))
    .description("all instances: how far they are, on which server, with which image")
    .action(async (options: OutputOptions) => {
      const all = await shell.site(options).instances.list(ctx);
      tell(shell, options, all, (rows) =>
        rows.length === 0 ? "There are no instances on this site." : table(columns, rows, shell.columns),
      );
    });

  withOutput(instances.command("show"))
    .description("all that is known of an instance, with the steps of its deployment")
    .argument("<instance>", "its name")
    .action(async (name: string, options: OutputOptions) => {
      const all = await shell.site(options).instances.list(ctx);
      const instance = all.find((one) => one["name"] === name);
      if (!instance) throw siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind: "Instance", name });
      tell(shell, options, instance, story);
    });

  addLog(instances, shell, "instances");
  withOutput(instances.command("abort"))
    .description(
      "end the deployment that is under way; the server is switched off and its boot files withdrawn",
    )
    .argument("<instance>", "its name")
    .action(async (instance: string, options: OutputOptions) => {
      const answer = await shell.site(options).perform(ctx, { kind: "abort", instance });
      tell(shell, options, answer, ({ aborted }) =>
        aborted
          ? `The deployment of ${instance} was aborted; the next \`pulumi up\` begins again.`
          : `Nothing is under way for ${instance}.`,
      );
    });
  return instances;
}

const columns: readonly Column<State>[] = [
  { head: "NAME", of: (instance) => textOf(instance, "name") },
  { head: "STATE", of: (instance) => textOf(instance, "provisionState") },
  { head: "STAGE", of: (instance) => textOf(instance, "stage"), least: 10 },
  { head: "NODE", of: (instance) => textOf(instance, "assignedNode") || "-" },
  { head: "ADDRESS", of: (instance) => textOf(instance, "address") || "-" },
  { head: "IMAGE", of: (instance) => textOf(instance, "image"), least: 10 },
  { head: "INSTALLED", of: (instance) => shortDigest(textOf(instance, "installedDigest")) || "-" },
  { head: "POWER", of: (instance) => textOf(instance, "powerState") },
];

interface Entry {
  readonly step: string;
  readonly start: string;
  readonly seconds: number;
}
const steps: readonly Column<Entry>[] = [
  { head: "STEP", of: ({ step }) => step },
  { head: "START", of: ({ start }) => start.replace(/\.\d+Z$/, "Z") },
  { head: "SECONDS", of: ({ seconds }) => seconds.toFixed(1).padStart("SECONDS".length) },
];

/** An instance for people: its values, then how it was deployed, what a refresh found, and what went wrong. */
function story({ timeline, drift, lastError, ...rest }: State): string {
  const sections = [pairs(detailsOf(rest))];
  const entries = (timeline ?? []) as readonly Entry[];
  if (entries.length > 0) sections.push(`Timeline\n${indented(table(steps, entries))}`);
  const found = (drift ?? []) as readonly string[];
  if (found.length > 0) sections.push(`Drift\n${indented(found.map(plain).join("\n"))}`);
  if (lastError) sections.push(`Last error\n${indented(plain(String(lastError)))}`);
  return sections.join("\n");
}

const indented = (text: string): string => `${text.trimEnd().replace(/^/gm, "  ")}\n`;
