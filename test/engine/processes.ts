import { readdir, readFile, readlink } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

const wordsOf = (pid: number) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");

async function allPids(): Promise<readonly number[]> {
  return (await readdir("/proc")).map(Number).filter((pid) => pid > 0);
}

/** Looks at the words of every process of this machine, as any user may, until `stop`. */
export function watchWords(): { readonly seen: ReadonlySet<string>; readonly stop: () => void } {
  const seen = new Set<string>();
  const look = async () => {
    for (const words of await Promise.all((await allPids()).map(wordsOf))) seen.add(words);
  };
  const timer = setInterval(() => void look(), 100);
  return { seen, stop: () => clearInterval(timer) };
}

/** Processes whose words or working folder name this folder. */
export async function processesOf(folder: string): Promise<readonly number[]> {
  const pids = (await allPids()).filter((pid) => pid !== process.pid);
  const ours = await Promise.all(
    pids.map(async (pid) => {
      const place = await readlink(`/proc/${pid}/cwd`).catch(() => "");
      return place.startsWith(folder) || (await wordsOf(pid)).includes(folder);
    }),
  );
  return pids.filter((_, index) => ours[index]);
}

/** The deploy helpers among the processes of this folder. */
export async function helpersOf(folder: string): Promise<readonly number[]> {
  const pids = await processesOf(folder);
  const words = await Promise.all(pids.map(wordsOf));
  return pids.filter((_, index) => words[index]?.split("\0").includes("helper"));
}

/** Pulumi's own, which outlive a CLI that was killed. */
export async function endLanguageHosts(folder: string): Promise<void> {
  for (const pid of await processesOf(folder))
    if ((await wordsOf(pid)).includes("pulumi-language-nodejs")) process.kill(pid, "SIGKILL");
}

/** The process of Pulumi that the dynamic resources of this folder's program live in. */
export async function providersOf(folder: string): Promise<readonly number[]> {
  const pids = await processesOf(folder);
  const words = await Promise.all(pids.map(wordsOf));
  return pids.filter((_, index) => words[index]?.includes("dynamic-provider"));
}

/** Wait until no process of this folder is left. Throws with the words of those that stay. */
export async function allEnded(folder: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await processesOf(folder)).length === 0) return;
    await pause(50);
  }
  const words = await Promise.all((await processesOf(folder)).map(wordsOf));
  throw new Error(`still there after 10 s: ${words.join("; ").replaceAll("\0", " ")}`);
}
