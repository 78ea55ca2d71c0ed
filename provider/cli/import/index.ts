import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { Command } from "commander";
import { cliErrors } from "../errors.ts";
import type { Shell } from "../shell.ts";
import { pairs } from "../table.ts";
import { columns, needed } from "./columns.ts";
import type { Fault } from "./rows.ts";

interface ImportOptions {
  readonly adopt?: boolean;
  readonly image?: readonly string[];
}

/** `nodes import`: a list of servers becomes a Pulumi program. No site is asked and nothing is changed. */
export function nodesImport(shell: Shell): Command {
  const command = new Command("import")
    .description("print a Pulumi program that declares the servers of a list (.csv, .yaml, .json)")
    .argument("<file>", "the list of servers")
    .option("--adopt", "take over what runs on them: an Instance each, for which nothing is written")
    .option(
      "--image <[name=]source>",
      "with --adopt: where the Image lies that a reinstall would write, of the servers that name none, or of those that name this one",
      (given: string, before: readonly string[] = []) => [...before, given],
    )
    .addHelpText("after", `\n${columnHelp()}`)
    .action(async (file: string, { adopt = false, image = [] }: ImportOptions) => {
      if (adopt !== image.length > 0)
        return command.error("error: --adopt and --image [NAME=]SOURCE go together");
      await importServers(shell, file, adopt ? new Map(image.map(namedSource)) : undefined);
    });
  return command;
}

async function importServers(
  { cwd, print, note }: Shell,
  given: string,
  sources: ReadonlyMap<string, string> | undefined,
): Promise<void> {
  // The libraries that read lists are loaded only here.
  const { isFormat, translate } = await import("./translate.ts");
  const file = basename(given);
  if (!isFormat(file))
    throw cliErrors.make("IMPORT_UNREADABLE", { file, reason: "its name does not say what it is" });
  const text = await readFile(resolve(cwd, given), "utf8").catch((cause: Error) => {
    throw cliErrors.make("IMPORT_UNREADABLE", { file, reason: cause.message }, { cause });
  });
  const answer = translate(file, text, sources);
  if ("program" in answer) return print(answer.program);
  for (const fault of answer.faults) note(`${shown(file, fault)}\n`);
  const count = answer.faults.length === 1 ? "1 fault" : `${answer.faults.length} faults`;
  throw cliErrors.make("IMPORT_FAULTY", { file, count });
}

/** `servers.csv:3: mac: Expected …`, as compilers do, so that an editor finds the place. */
const shown = (file: string, { line, column, reason }: Fault): string =>
  [line === undefined ? file : `${file}:${line}`, ...(column === undefined ? [] : [column]), reason].join(
    ": ",
  );

/** A name, or nothing, and a source: an address may hold `=` too, but no name holds what stands before it there. */
function namedSource(given: string): readonly [name: string, source: string] {
  const [, name = "", source = given] = /^([A-Za-z0-9][\w.-]*)=(.+)$/.exec(given) ?? [];
  return [name, source];
}

function columnHelp(): string {
  const rows = Object.entries(columns).map(([name, about]) => {
    const required = needed.some((one) => one === name);
    return [`  ${name}${required ? " *" : ""}`, about] as const;
  });
  return `Columns of the list, * required:\n${pairs(rows)}Passwords have no place in it: the program takes one from the stack's secret configuration.`;
}
