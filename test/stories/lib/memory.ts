import { readFile } from "node:fs/promises";

/** What a process has in memory (MB), looked at each second while something is done. */
export async function meanwhile(pid: number, work: () => Promise<unknown>): Promise<readonly number[]> {
  const samples: number[] = [];
  const look = async () => {
    const text = await readFile(`/proc/${pid}/status`, "utf8");
    samples.push(Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]) / 1024));
  };
  await look();
  const timer = setInterval(() => void look(), 1_000);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return samples;
}

export function medianOf(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
}
