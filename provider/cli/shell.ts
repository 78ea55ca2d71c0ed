import { type Command, Option } from "commander";
import type { Context } from "../kernel/context.ts";
import type { Launch } from "../site/embedded.ts";
import type { SiteSettings } from "../site/settings.ts";
import type { Site, State } from "../site/site.ts";

/** What the commands work with: the process as its composition root sees it, or what a test has instead. */
export interface Shell {
  readonly ctx: Context;
  /** Where a relative path starts. */
  readonly cwd: string;
  /** The user's own folder. */
  readonly home: string;
  /** For the reader of stdout: a person, or a program. */
  readonly print: (text: string) => void;
  /** For the person at the terminal, whatever becomes of stdout. */
  readonly note: (text: string) => void;
  /** A variable of the environment. */
  readonly env: (name: string) => string | undefined;
  /** What a person types at the terminal and nobody sees, or the first line of what is piped in. */
  readonly secret: (question: string) => Promise<string>;
  /** Columns of the terminal that stdout is; undefined when it is none. */
  readonly columns: number | undefined;
  /** Aborts when this process is told to end as soon as it has done what it began; from now on it listens for that. */
  readonly softly: () => AbortSignal;
  /** How this very program is started. */
  readonly launch: Launch;
  readonly settings: (options: SiteOptions) => SiteSettings;
  /** The site of these settings through its helper, which is started when it is first needed and not there. */
  readonly site: (options: SiteOptions) => Site;
  /** The same where a helper listens already; nothing is started. */
  readonly listening: (options: SiteOptions) => Site;
}

/** Which site a command is for. */
export interface SiteOptions {
  readonly site?: string;
  readonly stateDir?: string;
}
export interface OutputOptions extends SiteOptions {
  readonly json?: boolean;
}

/** Give a command the options that say which site it is for. */
export const forSite = (command: Command): Command =>
  command
    .addOption(
      new Option(
        "--site <site>",
        "the site: `ssh://host`, `https://host:port` or settings as JSON, as in the stack's `baremetal:site` (default: this user's site)",
      ),
    )
    .addOption(new Option("--state-dir <folder>", "the site whose store lies in this folder"));

/** The same, and the choice of output: a table for people, JSON for programs. */
export const withOutput = (command: Command): Command =>
  forSite(command).option("--json", "print JSON, for programs");

/** Print an answer: as JSON where that is asked for, else in the words of `render`. */
export function tell<T>({ print }: Shell, { json }: OutputOptions, answer: T, render: (answer: T) => string) {
  const text = json ? JSON.stringify(answer, null, 2) : render(answer);
  print(text.endsWith("\n") ? text : `${text}\n`);
}

/** A value of a state as text; empty where it has none. */
export const textOf = (state: State, key: string): string => String(state[key] ?? "");
