import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

/** Faults of processes, which are found by whose children they are: never by a name alone, which others may have too. */

/** The children of a process and theirs, as they are now. Looked at without a pause: some of them live for 20 ms. */
export function descendants(pid: number): readonly number[] {
  const threads = orEmpty(() => readdirSync(`/proc/${pid}/task`));
  const lists = threads.map((thread) => textOf(`/proc/${pid}/task/${thread}/children`));
  const children = lists.flatMap((list) => list.split(" ").map(Number)).filter((child) => child > 0);
  return [...children, ...children.flatMap(descendants)];
}

/** The first of its descendants that has such words: `qemu-img`, not what was started to become it. */
export function descendantThat(pid: number, isIt: (words: readonly string[]) => boolean): number | undefined {
  return descendants(pid).find((child) => isIt(textOf(`/proc/${child}/cmdline`).split("\0").slice(0, -1)));
}

const textOf = (path: string): string => orEmpty(() => [readFileSync(path, "latin1")])[0] ?? "";

function orEmpty(read: () => string[]): string[] {
  try {
    return read();
  } catch {
    return []; // it ended meanwhile
  }
}

/** Whether it runs; a dead one that nobody has collected yet does not. */
export const runs = (pid: number): boolean => /[^ZX]/.test(stateOf(pid));

/** As /proc has it, one letter; empty when there is none such. */
const stateOf = (pid: number): string => /\) (\w) [^)]*$/.exec(textOf(`/proc/${pid}/stat`))?.[1] ?? "";

/** What is done to a process. */
export type Fault =
  /** kill -9; or the word that lets it end by itself. */
  | { readonly kind: "kill" | "end" }
  /** SIGSTOP, and SIGCONT after so long: whoever was ended meanwhile is not continued. */
  | { readonly kind: "stop"; readonly ms: number };

/** Do it, and wait until it has been done. False when the process was gone already, or ended by itself before it stopped. */
export async function inflict(pid: number, fault: Fault): Promise<boolean> {
  if (!runs(pid) || !signal(pid, signals[fault.kind])) return false;
  const stops = fault.kind === "stop";
  const done = () => !runs(pid) || (stops && stateOf(pid) === "T");
  for (let tries = 0; !done() && tries < 3_000; tries += 1) await pause(10);
  if (!stops) return true;
  if (!runs(pid)) return false;
  await pause(fault.ms);
  signal(pid, "SIGCONT");
  return true;
}

const signals = { kill: "SIGKILL", end: "SIGTERM", stop: "SIGSTOP" } as const;

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
