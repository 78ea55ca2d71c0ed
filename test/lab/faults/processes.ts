import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

/** Faults of processes, which are found by whose children they are: never by a name alone, which others may have too. */

/** The children of a process and theirs, as they are now. */
export async function descendants(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, "utf8").catch(() => "")),
  );
  const children = lists.flatMap((list) => list.split(" ").map(Number)).filter((child) => child > 0);
  return [...children, ...(await Promise.all(children.map(descendants))).flat()];
}

/** The first of its descendants of such a name: `qemu-img`, not what was started to become it. */
export async function descendantNamed(pid: number, name: RegExp): Promise<number | undefined> {
  for (const child of await descendants(pid)) if (name.test(await nameOf(child))) return child;
  return undefined;
}

const nameOf = (pid: number) =>
  readFile(`/proc/${pid}/comm`, "utf8").then(
    (name) => name.trim(),
    () => "",
  );

/** Whether it runs; a dead one that nobody has collected yet does not. */
export async function runs(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return /\) [^ZX] /.test(stat.slice(stat.lastIndexOf(")")));
}

/** What is done to a process. */
export type Fault =
  /** kill -9. */
  | { readonly kind: "kill" }
  /** SIGSTOP, and SIGCONT after so long: whoever was ended meanwhile is not continued. */
  | { readonly kind: "stop"; readonly ms: number };

/** Do it, and wait until it has been done. False when the process was gone already. */
export async function inflict(pid: number, fault: Fault): Promise<boolean> {
  if (!signal(pid, fault.kind === "kill" ? "SIGKILL" : "SIGSTOP")) return false;
  if (fault.kind === "stop") {
    await pause(fault.ms);
    signal(pid, "SIGCONT");
    return true;
  }
  for (let tries = 0; (await runs(pid)) && tries < 500; tries += 1) await pause(10);
  return true;
}

function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
