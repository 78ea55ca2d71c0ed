import type { Context } from "../../../kernel/context.ts";
import { hasCode, type MetalError } from "../../../kernel/errors.ts";
import { type Finished, processErrors, type Run } from "../../../kernel/process.ts";
import { type Pace, paceWords } from "./pace.ts";
import { kgBytes } from "./settings.ts";
import { explainUnanswered } from "./silence.ts";
import { type Trouble, worded } from "./trouble.ts";
import { explain, isOpened, linesOf } from "./words.ts";

/** Where a controller is and how one logs in. */
export interface Access {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly kg?: string | undefined;
  readonly privilege: string;
}

/** Run one ipmitool command in a session of its own and answer its stdout; what went wrong is thrown in our words. */
export async function ipmitool(
  ctx: Context,
  run: Run,
  settings: Access,
  { suite, pace, words }: Command,
): Promise<string> {
  const { file, args, env } = commandOf(settings, { suite, pace, words: ["-v", ...words] });
  const finished = await started(run(ctx, file, args, { env }));
  const trouble = explain(finished, pace);
  if (trouble) throw worded(trouble, settings, suite, words.join(" "));
  return finished.stdout;
}

/**
 * Run some in one session and answer what they printed, be it that the controller refused one of them; `missing` is why
 * one was not answered.
 */
export async function ipmitoolAll(
  ctx: Context,
  run: Run,
  settings: Access,
  { commands, ...how }: How & { readonly commands: readonly (readonly string[])[] },
): Promise<Answers> {
  const input = commands.map((words) => words.join(" "));
  const { file, args, env } = commandOf(settings, { ...how, words: ["-v", "exec", "/dev/stdin"], input });
  const finished = await started(run(ctx, file, args, { env }));
  const failure = (trouble: Trouble) => worded(trouble, settings, how.suite, commands[0]?.join(" ") ?? "");
  const trouble = explain(finished, how.pace);
  const lost = isOpened(finished) ? explainUnanswered(linesOf(finished), finished.stdout) : undefined;
  const late = lost?.code === "POWER_LATE" && how.pace === "quick";
  if (trouble && (late || !isOpened(finished) || finished.stdout.trim() === ""))
    throw failure(lost ?? trouble);
  return { text: finished.stdout, ...(lost ? { missing: failure(lost) } : {}) };
}

/** What several commands said. */
export interface Answers {
  readonly text: string;
  readonly missing?: MetalError;
}

/** How a session is opened. */
export interface How {
  readonly suite: number;
  readonly pace: Pace;
}

/** What is asked, and how. */
export interface Command extends How {
  readonly words: readonly string[];
  /** Lines for its stdin. */
  readonly input?: readonly string[];
}

/** The same as it is started. */
export interface Started {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Neither password nor key stands in its arguments. */
export function commandOf(settings: Access, { suite, pace, words, input }: Command): Started {
  const { address, port, user, privilege } = settings;
  const kg = settings.kg === undefined ? undefined : kgBytes(settings.kg);
  // -E: the password comes by the environment, and an empty one does not make ipmitool ask the terminal.
  const session = [
    "-I",
    "lanplus",
    "-H",
    address,
    "-p",
    `${port}`,
    "-U",
    user,
    "-L",
    privilege,
    "-C",
    `${suite}`,
  ];
  const args = [...session, ...paceWords[pace], "-E", ...(kg ? ["-K"] : []), ...words];
  const env = { LC_ALL: "C", IPMITOOL_PASSWORD: settings.password };
  if (!kg && !input) return { file: "ipmitool", args, env };
  const octal = kg && [...kg].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  const script = `${kg ? kgScript : ""}exec ipmitool "$@"${input ? inputScript : ""}`;
  return {
    file: "sh",
    args: ["-c", script, "ipmitool", ...args],
    env: { ...env, ...(octal ? { KG_OCTAL: octal } : {}), ...(input ? { INPUT: input.join("\n") } : {}) },
  };
}

// Node's environment holds text only, a Kg is any bytes: a shell makes them from octal digits, seen by no argument list.
const kgScript =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, which would strip a newline at the end otherwise
  'k=$(printf "$KG_OCTAL."); IPMI_KGKEY=${k%.}; export IPMI_KGKEY; unset KG_OCTAL; ';
// A program on another host has no stdin of its own.
const inputScript = " <<END\n$INPUT\nEND\n";

async function started(running: Promise<Finished>): Promise<Finished> {
  try {
    return await running;
  } catch (error) {
    // The shell passes on the 127 of what it could not start.
    if (!hasCode(error, "PROGRAM_MISSING")) throw error;
    throw processErrors.make("PROGRAM_MISSING", { program: "ipmitool" }, { cause: error });
  }
}
