import { open } from "node:fs/promises";
import type { Readable, Writable } from "node:stream";
import { execa } from "execa";
import type { Context } from "./context.ts";
import { defineErrors } from "./errors.ts";

export const processErrors = defineErrors({
  PROGRAM_MISSING: {
    text: "the program {program} is not installed on this host",
    remedy: "Run `npx pulumi-baremetal doctor`: it tells which package brings it.",
    fault: "host",
  },
});

export interface RunOptions {
  /** Added to the helper's own environment. The place for a secret: arguments are readable by every process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
  /** End with it what it started itself: for programs that are not ours. */
  readonly family?: boolean;
  /** Called for each piece that arrives on stdout, lines ended by \n or \r. */
  readonly onLine?: (line: string) => void;
}

export interface Finished {
  /** Exit code; undefined when a signal ended the program. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

// util-linux's setpriv ends the child with its parent: a qemu-img whose helper died would go on writing (facts: lab).
const tether = ["--pdeathsig", "KILL", "--"];
const tethered = (file: string, args: readonly string[]): [string, string[]] =>
  process.platform === "linux" ? ["setpriv", [...tether, file, ...args]] : [file, [...args]];

/** Where a program runs is the caller's affair: on this host (`run`), or on another one (`services/ssh`). */
export type Run = (
  ctx: Context,
  file: string,
  args: readonly string[],
  options?: Pick<RunOptions, "env" | "family">,
) => Promise<Finished>;

/**
 * Run a program to its end. It dies with us, and with the context's signal. A non-zero exit is an answer, not an error;
 * a program that is not there throws PROGRAM_MISSING.
 */
export async function run(
  ctx: Context,
  file: string,
  args: readonly string[],
  { env = {}, input, cwd, family = false, onLine }: RunOptions = {},
): Promise<Finished> {
  ctx.signal.throwIfAborted();
  const [command, words] = tethered(file, args);
  const child = execa(command, words, {
    env,
    ...(input === undefined ? { stdin: "ignore" } : { input }),
    ...(cwd === undefined ? {} : { cwd }),
    cancelSignal: ctx.signal,
    forceKillAfterDelay: 2_000,
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 64 * 2 ** 20,
    detached: family,
  });
  const endFamily = () => endGroup(child.pid);
  if (family) ctx.signal.addEventListener("abort", endFamily, { once: true });
  if (onLine && child.stdout) splitLines(child.stdout, onLine);
  const { exitCode, stdout, stderr } = await child;
  ctx.signal.removeEventListener("abort", endFamily);
  ctx.signal.throwIfAborted();
  // setpriv says so and exits with 127 when what it should start is not there.
  if (exitCode === 127 || (exitCode === undefined && /ENOENT/.test(stderr))) {
    throw processErrors.make("PROGRAM_MISSING", { program: file });
  }
  return { code: exitCode, stdout: String(stdout ?? ""), stderr: String(stderr ?? "") };
}

/** A detached child leads a group of its own; what it started holds our pipes open, and would have us wait for it. */
function endGroup(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

/** A program that serves until it is stopped. */
export interface Service {
  readonly pid: number;
  /** Ends when the program does, for whatever reason. */
  readonly ended: Promise<Finished>;
  stop(): Promise<void>;
}

/** Start a program that stays. It dies with us. `onLine` hears stdout and stderr alike. */
export function serve(
  file: string,
  args: readonly string[],
  { env = {}, cwd, onLine }: Omit<RunOptions, "input"> = {},
): Service {
  const [command, words] = tethered(file, args);
  const child = execa(command, words, {
    env,
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "ignore",
    all: true,
    buffer: false,
    reject: false,
    forceKillAfterDelay: 2_000,
  });
  if (onLine && child.all) splitLines(child.all, onLine);
  const ended = child.then(({ exitCode }) => ({ code: exitCode, stdout: "", stderr: "" }));
  return {
    pid: child.pid ?? -1,
    ended,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** A program that is talked with, over bytes in both directions. */
export interface Conversation {
  readonly reads: Writable;
  readonly says: Readable;
  /** Ends when the program does; `stderr` is the last of what it said there, 4 KiB unless told otherwise. */
  readonly ended: Promise<Finished>;
  /** Whether it keeps our own process alive. At first it does. */
  readonly hold: (on: boolean) => void;
  readonly stop: () => void;
}

/**
 * Start a program to talk with. It dies with us, and not before: what interrupts all of our process group, a Ctrl-C or Pulumi
 * that ends its plugins, must not take away the way by which we tell of that.
 */
export function converse(
  file: string,
  args: readonly string[],
  { env = {}, lastWords = 4_096 }: Pick<RunOptions, "env"> & { readonly lastWords?: number } = {},
): Conversation {
  const [command, words] = tethered(file, args);
  const child = execa(command, words, {
    ...{ env, stdin: "pipe", stdout: "pipe", stderr: "pipe" },
    ...{ buffer: false, reject: false, forceKillAfterDelay: 2_000, detached: true },
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    stderr = (stderr + piece).slice(-lastWords);
  });
  const pipes = [child.stdin, child.stdout, child.stderr] as unknown as readonly Pipe[];
  const ended = child.then(({ exitCode, originalMessage = "" }) => {
    return { code: exitCode, stdout: "", stderr: stderr || originalMessage };
  });
  return {
    ...{ reads: child.stdin, says: child.stdout, ended },
    hold(on) {
      // A pipe that is gone would wait for a connection, to be told then.
      for (const one of [child, ...pipes.filter(({ destroyed }) => !destroyed)]) on ? one.ref() : one.unref();
    },
    stop: () => void child.kill("SIGTERM"),
  };
}

/** Node's types say Readable of what is a socket. */
type Pipe = { readonly destroyed: boolean; ref(): unknown; unref(): unknown };

function splitLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (piece: string) => {
    const lines = (rest + piece).split(/[\r\n]/);
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") onLine(line);
  });
  stream.on("end", () => {
    if (rest !== "") onLine(rest);
  });
}

/**
 * Start a program that outlives us, with its output appended to a log file. Answers its pid; it is not tethered, and
 * whoever starts it says in its own words how it ends.
 */
export async function startDetached(
  file: string,
  args: readonly string[],
  { env = {}, cwd, log }: { env?: Readonly<Record<string, string>>; cwd: string; log: string },
): Promise<number> {
  const sink = await open(log, "a", 0o600);
  try {
    const child = execa(file, [...args], {
      env,
      cwd,
      detached: true,
      cleanup: false,
      stdin: "ignore",
      stdout: sink.fd as unknown as "ignore",
      stderr: sink.fd as unknown as "ignore",
      reject: false,
    });
    child.unref();
    if (child.pid === undefined) throw processErrors.make("PROGRAM_MISSING", { program: file });
    return child.pid;
  } finally {
    await sink.close();
  }
}
