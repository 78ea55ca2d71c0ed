import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { SourceImage } from "../../provider/drivers/write/driver.ts";
import { type Lab, openLab } from "../lab/lab/index.ts";
import { asRatio, inSeconds, median, Samples, table, turned, verdict } from "./lib/figures.ts";
import { makeImage } from "./lib/image.ts";
import { startTarget, type Target, type TargetOptions } from "./lib/target.ts";
import { bare, floorWays, own, ownWay, type Way } from "./lib/ways.ts";

/**
 * The writer against `qemu-img convert` itself, onto the disk of a server in the deploy ramdisk. Inside the lab:
 * `npm run bench -- write [--rounds 5] [--disk zero|used]`. The machine's noise is in all figures alike: read the ratios.
 */

const { values } = parseArgs({ options: { rounds: { type: "string" }, disk: { type: "string" } } });
const GiB = 2 ** 30;
const MiB = 2 ** 20;
const nova = "Nova's way: all bytes (-S 0)";

interface Bench {
  readonly lab: Lab;
  readonly image: SourceImage;
}

/** The ways by turns, after one that only warms up. */
async function compare(target: Target, ways: readonly Way[], rounds: number, prepare: () => Promise<void>) {
  const samples = new Samples();
  await ways[0]?.write(target, new Samples());
  for (let round = 0; round < rounds; round += 1) {
    for (const way of turned(ways, round)) {
      await prepare();
      await way.write(target, samples);
    }
  }
  return samples;
}

/** Each write finds the machine as it was when it had proved its disk to be zero. */
async function onZeroDisk(bench: Bench, rounds: number): Promise<readonly string[]> {
  const { image } = bench;
  return await withTarget(bench, { name: "zero", number: 21, used: 0 }, async (target) => {
    if (target.provenZero < image.virtualSize) throw new Error(`${target.provenZero} bytes were proven zero`);
    const ways = floorWays(image, ["--target-is-zero"]);
    const samples = await compare(target, [ownWay(image), ...ways], rounds, target.rewind);
    await target.rewind();
    await bare(nova, image, ["-S", "0"]).write(target, samples);
    const faster = samples.median(nova) / samples.median(own.write);
    return [
      ...report(`A disk that its ramdisk proved zero, ${rounds} rounds`, samples, ways),
      verdict("faster than Nova's way", asRatio(faster), "at least 5 x", faster >= 5),
    ];
  });
}

/** Each write finds a disk on which every byte has been written before: nothing about it changes from one to the next. */
async function onUsedDisk(bench: Bench, rounds: number): Promise<readonly string[]> {
  const { image } = bench;
  const used = image.virtualSize + 64 * MiB;
  return await withTarget(bench, { name: "used", number: 22, used }, async (target) => {
    const ways = floorWays(image, []);
    const samples = await compare(target, [ownWay(image), ...ways], rounds, async () => {});
    return report(`A used disk, ${rounds} rounds`, samples, ways);
  });
}

async function withTarget(
  { lab, image }: Bench,
  options: Pick<TargetOptions, "name" | "number" | "used">,
  body: (target: Target) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const cacheDir = join(cache, "pulumi-baremetal/ramdisk");
  const zeroBytes = image.virtualSize + MiB;
  const target = await startTarget(lab, { ...options, diskSize: 4 * GiB, zeroBytes, cacheDir });
  try {
    return await body(target);
  } finally {
    await target.stop();
  }
}

/** Show a case, and answer its verdicts. */
function report(title: string, samples: Samples, floor: readonly Way[]): readonly string[] {
  const [best = ""] = floor.map(({ name }) => name).toSorted((a, b) => samples.median(a) - samples.median(b));
  const rows = samples.names().flatMap((name) => {
    if (name === own.helper || name === own.programs) return [];
    const times = samples.of(name);
    const spread = `${Math.min(...times).toFixed(2)} - ${Math.max(...times).toFixed(2)}`;
    return [[name, inSeconds(median(times)), spread, asRatio(median(times) / samples.median(best))]];
  });
  console.log(`\n${title}\n${table([["", "median", "spread", "of floor"], ...rows])}`);
  const ratio = samples.median(own.write) / samples.median(best);
  const [helper, programs] = [own.helper, own.programs].map((name) => Math.max(...samples.of(name)) / 1e6);
  const memory = `${helper?.toFixed(0)} MB, its largest program ${programs?.toFixed(0)} MB`;
  return [
    verdict(`writer against the floor (${best})`, asRatio(ratio), "at most 1.1 x", ratio <= 1.1),
    verdict("helper's peak memory", memory, "under 150 MB", (helper ?? Number.NaN) < 150),
  ];
}

const folder = await mkdtemp(join(tmpdir(), "bench-write-"));
const lab = await openLab({ dir: folder });
try {
  const image = await makeImage(folder, 2 * GiB, 100 * MiB);
  console.log("Writing a 2 GiB image with 100 MiB of data: about eight minutes.");
  const { disk, rounds } = values;
  const verdicts = [
    ...(disk === "used" ? [] : await onZeroDisk({ lab, image }, Number(rounds ?? 7))),
    ...(disk === "zero" ? [] : await onUsedDisk({ lab, image }, Number(rounds ?? 3))),
  ];
  console.log(`\n${verdicts.join("\n")}`);
} finally {
  await lab.close();
  await rm(folder, { recursive: true, force: true });
}
