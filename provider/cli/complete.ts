import type { Command, Option } from "commander";
import type { SiteOptions } from "./shell.ts";

/** What could stand at the cursor. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** The names that an argument can have on a site; the argument's own name says which: `node`, `instance`, `old`. */
export type Names = (argument: string, options: SiteOptions) => Promise<readonly string[]>;

/**
 * What can follow these words of a command line; the last one is being written and may be empty. All of it comes from
 * the tree of commands. Nothing = the shell completes file names.
 */
export async function complete(
  root: Command,
  words: readonly string[],
  names: Names,
): Promise<readonly Candidate[]> {
  const current = words.at(-1) ?? "";
  const at = follow(root, words.slice(0, -1));
  return (await candidates(at, current, names)).filter(({ word }) => word.startsWith(current));
}

/** Where in the tree some words lead. */
interface Place {
  readonly command: Command;
  /** How many arguments of the command are there already. */
  readonly count: number;
  readonly given: Readonly<Record<string, string>>;
  /** The option whose value comes next. */
  readonly pending?: Option;
}

function follow(root: Command, words: readonly string[]): Place {
  let place: Place = { command: root, count: 0, given: {} };
  for (const word of words) place = step(place, word);
  return place;
}

function step({ pending, ...place }: Place, word: string): Place {
  const { command, count, given } = place;
  if (pending) return { ...place, given: { ...given, [pending.attributeName()]: word } };
  const [flag, value] = [word.replace(/=.*/s, ""), /=(.*)/s.exec(word)?.[1]];
  const option = command.options.find(({ long, short }) => flag !== "" && (flag === long || flag === short));
  if (option?.required && value === undefined) return { ...place, pending: option };
  if (option) return { ...place, given: { ...given, [option.attributeName()]: value ?? "" } };
  const next = command.commands.find((one) => one.name() === word);
  return next
    ? { command: next, count: 0, given }
    : { ...place, count: count + (word.startsWith("-") ? 0 : 1) };
}

async function candidates(
  { command, count, given, pending }: Place,
  current: string,
  names: Names,
): Promise<readonly Candidate[]> {
  if (pending) return (pending.argChoices ?? []).map((word) => ({ word, about: pending.description }));
  const help = command.createHelp();
  if (current.startsWith("-")) {
    return help
      .visibleOptions(command)
      .filter((option) => !(option.attributeName() in given))
      .map(({ long, short, description }) => ({ word: long ?? short ?? "", about: description }));
  }
  if (command.commands.length > 0) {
    if (count > 0) return []; // a word that is none of them
    return help
      .visibleCommands(command)
      .map((one) => ({ word: one.name(), about: one.summary() || one.description() }));
  }
  const argument = command.registeredArguments[count];
  if (!argument) return [];
  const words = argument.argChoices ?? (await names(argument.name(), given));
  return words.map((word) => ({ word, about: argument.description }));
}
