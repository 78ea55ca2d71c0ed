import { type Command, InvalidArgumentError } from "commander";
import type { ConsoleLine } from "../services/console/line.ts";
import { harmless } from "../services/console/lines.ts";
import { type OutputOptions, type Shell, withOutput } from "./shell.ts";

interface LogOptions extends OutputOptions {
  readonly follow?: boolean;
  readonly lines: number;
}

/** `log` of instances, and of nodes: what was heard of a server, as it comes. */
export function addLog(noun: Command, { ctx, site, print }: Shell, collection: "instances" | "nodes"): void {
  const argument = collection === "instances" ? "<instance>" : "<node>";
  withOutput(noun.command("log"))
    .description(
      "what was heard of the server: what was done, DHCP and TFTP, the ramdisk's log, its serial line",
    )
    .argument(argument, "its name")
    .option("-f, --follow", "go on until what is under way has ended; Ctrl-C ends this command alone")
    .option("-n, --lines <number>", "how many of the last lines", whole, 100)
    .action(async (name: string, options: LogOptions) => {
      const { lines, follow = false, json } = options;
      for await (const line of site(options).console(ctx, collection, name, { lines, follow })) {
        print(`${json ? JSON.stringify(line) : shown(line)}\n`);
      }
    });
}

/** The day is left out: who reads it was there, or has `--json`. */
const shown = ({ at, from, text }: ConsoleLine) =>
  `${at.slice(11, 19)} ${from.padEnd("console".length)} ${harmless(text)}`;

function whole(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError("Expected a whole number, at most 99999.");
  return Number(text);
}
