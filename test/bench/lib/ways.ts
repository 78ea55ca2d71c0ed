import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { SourceImage, WriteJob, Written } from "../../../provider/drivers/write/driver.ts";
import { type Samples, timed } from "./figures.ts";
import type { Target } from "./target.ts";

const MiB = 2 ** 20;

/** One way of putting an image on a disk, from the second MiB on. It adds to the samples what it measured. */
export interface Way {
  readonly name: string;
  readonly write: (target: Target, samples: Samples) => Promise<void>;
}

/** `qemu-img convert` alone, with words of its own. */
export const bare = (name: string, image: SourceImage, words: readonly string[]): Way => ({
  name,
  async write({ address, port, iqn, lun }, samples) {
    const disk = `driver=raw,offset=${MiB},size=${image.virtualSize},file.driver=iscsi,file.transport=tcp`;
    const where = `${disk},file.portal=${address}:${port},file.target=${iqn},file.lun=${lun}`;
    const ends = ["-f", image.format, "--target-image-opts", image.path, where];
    samples.add(name, await timed(() => execa("qemu-img", ["convert", "-n", ...words, ...ends])));
  },
});

/** What qemu-img can do under a promise about zeros: its requests one after another, or several at once and out of order. */
export const floorWays = (image: SourceImage, promise: readonly string[]): readonly Way[] => [
  bare("qemu-img, in order", image, promise),
  bare("qemu-img -W -m 4", image, ["-W", "-m", "4", ...promise]),
  bare("qemu-img -W -m 16", image, ["-W", "-m", "16", ...promise]),
];

/** What is measured of our own writer. Seconds, and bytes. */
export const own = {
  write: "pulumi-baremetal: write",
  wipe: "  wiping",
  verify: "  reading back",
  helper: "helper's peak memory",
  programs: "its programs' peak memory",
} as const;

/** The writer as the helper runs it, compiled, in a process like the helper's. */
export const ownWay = (image: SourceImage): Way => ({
  name: own.write,
  async write({ address, port, iqn, lun, provenZero }, samples) {
    const target = { address, port, iqn, lun };
    const layout = { root: 0, swap: 0, ephemeral: 0 };
    const job: WriteJob = { target, image, layout, provenZero, verify: "full", stall: "2 minutes" };
    const { seconds = { write: 0, wipe: 0, verify: 0 }, peak, programs } = await runWriter(job);
    for (const part of ["write", "wipe", "verify"] as const) samples.add(own[part], seconds[part]);
    samples.add(own.helper, peak);
    samples.add(own.programs, programs);
  },
});

async function runWriter(job: WriteJob): Promise<Written & { peak: number; programs: number }> {
  const file = fileURLToPath(new URL("writer.mjs", import.meta.url));
  const child = execa(process.execPath, [file], { input: JSON.stringify(job) });
  let programs = 0;
  const look = setInterval(async () => {
    programs = Math.max(programs, await memoryOfChildren(child.pid ?? 0));
  }, 100);
  try {
    const { stdout } = await child;
    return { ...(JSON.parse(stdout) as Written & { peak: number }), programs };
  } finally {
    clearInterval(look);
  }
}

/** Bytes that the largest of the programs which a process has started has had at most. */
async function memoryOfChildren(pid: number): Promise<number> {
  const read = (path: string) => readFile(path, "latin1").catch(() => "");
  const children = (await read(`/proc/${pid}/task/${pid}/children`)).split(" ").filter(Boolean);
  const peaks = children.map(async (child) =>
    Number(/VmHWM:\s+(\d+)/.exec(await read(`/proc/${child}/status`))?.[1] ?? 0),
  );
  return 1_024 * Math.max(0, ...(await Promise.all(peaks)));
}
