import { mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { execa } from "execa";
import type { SourceImage, WriteJob, Written } from "../../provider/drivers/write/driver.ts";
import { openLab } from "../lab/lab/index.ts";
import { asRatio, inSeconds, Samples, table, timed, turned, verdict } from "./lib/figures.ts";
import { makeImage } from "./lib/image.ts";
import { startTarget, type Target } from "./lib/target.ts";

/**
 * The writer against `qemu-img convert` itself, onto the disk of a server in the deploy ramdisk. Inside the lab:
 * `npm run bench -- write [--rounds 5]`. The machine's noise is in all figures alike: read the ratios.
 */

const GiB = 2 ** 30;
const MiB = 2 ** 20;
const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" } } });
const rounds = Number(values.rounds);
const cacheDir = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "pulumi-baremetal/ramdisk");

/** One way of doing it: writes the image, and adds to the samples what it measured. */
interface Way {
  readonly name: string;
  readonly write: (target: Target, samples: Samples) => Promise<void>;
}

const bare = (name: string, image: SourceImage, words: readonly string[]): Way => ({
  name,
  async write({ address, port, iqn, lun }, samples) {
    const disk = `driver=raw,offset=${MiB},size=${image.virtualSize},file.driver=iscsi,file.transport=tcp`;
    const where = `${disk},file.portal=${address}:${port},file.target=${iqn},file.lun=${lun}`;
    const ends = ["-f", image.format, "--target-image-opts", image.path, where];
    samples.add(name, await timed(() => execa("qemu-img", ["convert", "-n", ...words, ...ends])));
  },
});

/** What qemu-img can do: one request after another, or several at once and out of order. */
const floor = (image: SourceImage, promise: readonly string[]): readonly Way[] => [
  bare("qemu-img, in order", image, promise),
  bare("qemu-img -W -m 4", image, ["-W", "-m", "4", ...promise]),
  bare("qemu-img -W -m 16", image, ["-W", "-m", "16", ...promise]),
];

const ours = "pulumi-baremetal: write";
const writer: (image: SourceImage) => Way = (image) => ({
  name: ours,
  async write({ address, port, iqn, lun, provenZero }, samples) {
    const target = { address, port, iqn, lun };
    const layout = { root: 0, swap: 0, ephemeral: 0 };
    const job: WriteJob = { target, image, layout, provenZero, verify: "full", stall: "2 minutes" };
    const { seconds, peak, programs } = await runWriter(job);
    samples.add(ours, seconds?.write ?? Number.NaN);
    samples.add("  wiping", seconds?.wipe ?? Number.NaN);
    samples.add("  reading back", seconds?.verify ?? Number.NaN);
    samples.add("helper's peak memory", peak);
    samples.add("its programs' peak memory", programs);
  },
});

async function runWriter(job: WriteJob): Promise<Written & { peak: number; programs: number }> {
  const file = fileURLToPath(new URL("lib/writer.mjs", import.meta.url));
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

/** Bytes that the programs started by a process have had at most, each by itself. */
async function memoryOfChildren(pid: number): Promise<number> {
  const read = (path: string) => readFile(path, "latin1").catch(() => "");
  const children = (await read(`/proc/${pid}/task/${pid}/children`)).split(" ").filter(Boolean);
  const peaks = children.map(async (child) =>
    Number(/VmHWM:\s+(\d+)/.exec(await read(`/proc/${child}/status`))?.[1] ?? 0),
  );
  return 1_024 * Math.max(0, ...(await Promise.all(peaks)));
}

/** All ways by turns, each from the same state of the machine if `rewind` is asked. */
async function compare(target: Target, ways: readonly Way[], rewind: boolean): Promise<Samples> {
  const samples = new Samples();
  const [warmUp] = ways;
  await warmUp?.write(target, new Samples());
  for (let round = 0; round < rounds; round += 1) {
    for (const way of turned(ways, round)) {
      if (rewind) await target.rewind();
      await way.write(target, samples);
    }
  }
  return samples;
}

function show(title: string, samples: Samples, best: number): void {
  const rows = samples
    .names()
    .filter((name) => !name.includes("memory"))
    .map((name) => {
      const times = samples.of(name);
      const spread = `${Math.min(...times).toFixed(2)} - ${Math.max(...times).toFixed(2)}`;
      return [name, inSeconds(samples.median(name)), spread, asRatio(samples.median(name) / best)];
    });
  console.log(`\n${title}\n${table([["", "median", "spread", "of floor"], ...rows])}`);
}

const floorOf = (samples: Samples, ways: readonly Way[]) =>
  Math.min(...ways.map(({ name }) => samples.median(name)));

async function bench(folder: string): Promise<void> {
  const image = await makeImage(folder, 2 * GiB, 100 * MiB);
  const lab = await openLab({ dir: folder });
  const common = { diskSize: 4 * GiB, zeroBytes: image.virtualSize + MiB, cacheDir };
  const targets: Target[] = [];
  const start = async (name: string, number: number, used: number) => {
    const target = await startTarget(lab, { ...common, name, number, used });
    targets.push(target);
    return target;
  };
  try {
    const blank = await start("blank", 21, 0);
    if (blank.provenZero < common.zeroBytes) throw new Error(`only ${blank.provenZero} bytes proven zero`);
    const promised = floor(image, ["--target-is-zero"]);
    const onBlank = await compare(blank, [writer(image), ...promised], true);
    const everyByte = bare("Nova's way: all bytes (-S 0)", image, ["-S", "0"]);
    await blank.rewind();
    await everyByte.write(blank, onBlank);
    await blank.stop();
    const used = await start("used", 22, image.virtualSize + 64 * MiB);
    const plain = floor(image, []);
    const onUsed = await compare(used, [writer(image), ...plain], false);
    tell(onBlank, floorOf(onBlank, promised), everyByte.name, onUsed, floorOf(onUsed, plain));
  } finally {
    for (const target of targets) await target.stop();
    await lab.close();
  }
}

function tell(blank: Samples, blankFloor: number, nova: string, used: Samples, usedFloor: number): void {
  console.log(`\n2 GiB image with 100 MiB of data, medians of ${rounds} rounds by turns`);
  show("A disk that its ramdisk proved zero", blank, blankFloor);
  show("A used disk", used, usedFloor);
  const memory = (name: string) => Math.max(...blank.of(name), ...used.of(name)) / 1e6;
  const [onBlank, onUsed] = [blank.median(ours) / blankFloor, used.median(ours) / usedFloor];
  const faster = blank.median(nova) / blank.median(ours);
  const helper = memory("helper's peak memory");
  console.log(
    [
      "",
      verdict("writer against the floor, proven zero", asRatio(onBlank), "at most 1.10 x", onBlank <= 1.1),
      verdict("writer against the floor, used disk", asRatio(onUsed), "at most 1.10 x", onUsed <= 1.1),
      verdict("faster than Nova's way, proven zero", asRatio(faster), "at least 5 x", faster >= 5),
      verdict("memory of the helper", `${helper.toFixed(0)} MB`, "under 150 MB", helper < 150),
      `        and of the largest program that it runs: ${memory("its programs' peak memory").toFixed(0)} MB`,
    ].join("\n"),
  );
}

const folder = await mkdtemp(join(tmpdir(), "bench-write-"));
try {
  await bench(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
