import { join } from "node:path";
import { execa } from "execa";
import { afterEach, describe, expect, it } from "vitest";
import type { WriteJob } from "../../provider/drivers/write/driver.ts";
import { iscsiPush } from "../../provider/drivers/write/iscsi-push.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { bytesAt, fillUsed, firstDifference, partitionImage, patch } from "../fixtures/images.ts";
import { partitionsIn, tabledImage, tableProblems } from "../fixtures/tables.ts";
import { type ExportedDisk, exportDisk } from "../fixtures/tgtd.ts";

const MiB = 2 ** 20;
const env = { PATH: `${process.env["PATH"]}:/usr/sbin` };
const volume = Buffer.alloc(MiB, 1);
const disks: ExportedDisk[] = [];
afterEach(async () => {
  for (const disk of disks.splice(0)) await disk.stop();
});

async function newDisk(size: number): Promise<ExportedDisk> {
  const disk = await exportDisk(size, { fill: (path) => fillUsed(path, size) });
  disks.push(disk);
  return disk;
}

const write = (disk: ExportedDisk, job: Pick<WriteJob, "image"> & Partial<WriteJob>) =>
  iscsiPush({ scratch: disk.folder }).write(newContext(), {
    ...{ target: disk.target, provenZero: 0, verify: "full", stall: "20 seconds", grow: true, ...job },
  });
const sectors = (path: string) =>
  partitionsIn(path).then((all) => all.map(({ start, size }) => [start / 2048, size / 2048]));

/** A whole-disk image whose second partition is ext4, and that file system alone. */
async function systemImage(folder: string, table: "gpt" | "mbr") {
  const image = await tabledImage(folder, { table });
  const { raw } = await partitionImage(folder, { format: "raw", size: 16 * MiB, uuid: crypto.randomUUID() });
  await patch(image.path, [[4 * MiB, await bytesAt(raw, 0, 16 * MiB)]]);
  return { image, root: raw };
}

/** Grow what lies on the disk from 4 MiB on, with the tools that a system has; how large it is then. */
async function resized(disk: ExportedDisk, length: number): Promise<number> {
  const part = join(disk.folder, "part");
  await execa("dd", [`if=${disk.path}`, `of=${part}`, "bs=1M", "skip=4", `count=${length}`, "status=none"]);
  await execa("e2fsck", ["-f", "-p", part], { env });
  await execa("resize2fs", [part], { env });
  await execa("e2fsck", ["-f", "-n", part], { env });
  return (await bytesAt(part, 1024 + 4, 4)).readUInt32LE() * 4096;
}

describe("the root of a whole-disk image", () => {
  it.for([
    ["gpt", 64, undefined, 59],
    ["gpt", 64, volume, 58],
    ["gpt", 24, undefined, 19],
    ["mbr", 64, undefined, 60],
    ["mbr", 64, volume, 59],
  ] as const)("has the room of a disk with a %s table of %i MiB", async ([table, size, beside, length]) => {
    const disk = await newDisk(size * MiB);
    const { image, root } = await systemImage(disk.folder, table);
    const written = await write(disk, { image, ...(beside ? { volume: beside } : {}) });
    expect(await tableProblems(disk.path, table)).toBe("");
    const own = beside ? [[table === "gpt" ? 62 : 63, 1]] : [];
    expect(await sectors(disk.path)).toEqual([[1, 2], [4, length], ...own]);
    expect(await firstDifference([root, 0], [disk.path, 4 * MiB], 16 * MiB)).toBeUndefined();
    const growth = { start: 4 * MiB, length: length * MiB, fileSystem: "ext" };
    expect(written.growth).toEqual(growth);
    expect(await resized(disk, length)).toBe(length * MiB);
  });

  it.for([
    ["it is not to grow", true, false],
    ["its file system is none that we know", false, true],
  ] as const)("stays as it is where %s", async ([, known, grow]) => {
    const disk = await newDisk(64 * MiB);
    const image = known
      ? (await systemImage(disk.folder, "gpt")).image
      : await tabledImage(disk.folder, { table: "gpt" });
    const before = await sectors(image.path);
    expect((await write(disk, { image, grow })).growth).toBeUndefined();
    expect(await sectors(disk.path)).toEqual(before);
  });
});

describe("the root of a partition image", () => {
  it("has the room of its partition", async () => {
    const disk = await newDisk(64 * MiB);
    const { image } = await partitionImage(disk.folder, { format: "qcow2", uuid: crypto.randomUUID() });
    const layout = { root: 40 * MiB, swap: 3 * MiB, ephemeral: 0 };
    const { growth } = await write(disk, { image, layout });
    expect(growth).toEqual({ start: MiB, length: 40 * MiB, fileSystem: "ext" });
    expect((await write(disk, { image, layout: { ...layout, root: 24 * MiB } })).growth).toBeUndefined();
  });
});
