import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, describe, expect, it } from "vitest";
import type { DiskLayout, SourceImage, WriteJob } from "../../provider/drivers/write/driver.ts";
import { iscsiPush } from "../../provider/drivers/write/iscsi-push.ts";
import { isMarked, mark } from "../../provider/drivers/write/mark.ts";
import { decodeMbr } from "../../provider/drivers/write/mbr.ts";
import { decodeSwap } from "../../provider/drivers/write/swap.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { bytesAt, fillUsed, firstDifference, partitionImage, patch } from "../fixtures/images.ts";
import { type ExportedDisk, exportDisk } from "../fixtures/tgtd.ts";

const MiB = 2 ** 20;
const size = 100 * MiB;
const layout = { root: 40 * MiB, swap: 8 * MiB, ephemeral: 30 * MiB };
const [kept, swapAt, rootAt] = [{ at: MiB, length: 30 * MiB }, 31 * MiB, 39 * MiB];
const env = { PATH: `${process.env["PATH"]}:/usr/sbin` };
const disks: ExportedDisk[] = [];
afterEach(async () => {
  for (const disk of disks.splice(0)) await disk.stop();
});

/** A disk on which an earlier deployment ran: files in its ephemeral partition, and no zero byte in swap and root. */
async function deployed(sector = 512) {
  const disk = await exportDisk(size, { fill: (path) => fillUsed(path, size), sector });
  disks.push(disk);
  await write(disk, { image: (await newImage(disk, "old")).image, sector });
  const file = join(disk.folder, "precious");
  await writeFile(file, randomBytes(3 * MiB));
  await execa("debugfs", ["-w", "-R", `write ${file} precious`, `${disk.path}?offset=${kept.at}`], { env });
  await patch(disk.path, [
    [kept.at, randomBytes(1024)], // ext4 leaves its first KiB to boot loaders
    [kept.at + kept.length - 4096, randomBytes(4096)],
    [swapAt, Buffer.alloc(size - swapAt, 0xa5)],
  ]);
  return { disk, file, before: await bytesAt(disk.path, kept.at, kept.length) };
}

async function newImage({ folder }: ExportedDisk, name: string, format: SourceImage["format"] = "qcow2") {
  const own = join(folder, name);
  await mkdir(own);
  const uuid = crypto.randomUUID();
  return { ...(await partitionImage(own, { format, uuid })), uuid };
}

const write = (disk: ExportedDisk, job: Pick<WriteJob, "image"> & Partial<WriteJob>, ctx = newContext()) =>
  iscsiPush({ scratch: disk.folder }).write(ctx, {
    target: disk.target,
    layout,
    provenZero: 0,
    verify: "full",
    stall: "20 seconds",
    ...job,
  });

const digest = async ({ path }: ExportedDisk) =>
  createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
const tableIn = async ({ path }: ExportedDisk, sector = 512) =>
  decodeMbr(await bytesAt(path, 0, 512), sector)?.partitions;
const marked = async ({ path }: ExportedDisk) => isMarked(await bytesAt(path, 0, 4096));

/** The new root in its place, a new swap, the layout's table; and of the ephemeral partition each byte, which Linux reads. */
async function expectKept(
  { disk, file, before }: Awaited<ReturnType<typeof deployed>>,
  { raw, image }: Awaited<ReturnType<typeof newImage>>,
  { swap }: DiskLayout = layout,
): Promise<void> {
  expect((await bytesAt(disk.path, kept.at, kept.length)).equals(before)).toBe(true);
  expect(await firstDifference([raw, 0], [disk.path, swapAt + swap], image.virtualSize)).toBeUndefined();
  if (swap > 0) expect(decodeSwap(await bytesAt(disk.path, swapAt, 4096))).toMatchObject({ size: swap });
  const [cut, read] = [join(disk.folder, "cut"), join(disk.folder, "read")];
  await writeFile(cut, before);
  await execa("e2fsck", ["-fn", cut], { env });
  await execa("debugfs", ["-R", `dump precious ${read}`, `${disk.path}?offset=${kept.at}`], { env });
  expect((await readFile(read)).equals(await readFile(file))).toBe(true);
}

/** A context that is cancelled when a stage begins, or so many milliseconds later. */
function cutAt(stage: string, after: number) {
  const cancel = new AbortController();
  let met = false;
  return newContext({
    signal: cancel.signal,
    report: (progress) => {
      if (progress.stage !== stage || met) return;
      met = true;
      if (after === 0) cancel.abort(new Error("cut off"));
      else setTimeout(() => cancel.abort(new Error("cut off")), after);
    },
  });
}

describe("a new image beside an ephemeral partition that is kept", () => {
  it.for([
    ["raw", 512, "check"],
    ["qcow2", 512, "check"],
    ["qcow2", 4096, "check"],
    ["qcow2", 512, "resume"],
  ] as const)("leaves each of its bytes, from %s on sectors of %i bytes by a %s", async (how) => {
    const [format, sector, keepEphemeral] = how;
    const all = await deployed(sector);
    const image = await newImage(all.disk, "new", format);
    const table = await tableIn(all.disk, sector);
    // What the ramdisk once proved is not so any more: believed, it would leave old bytes in the holes of the image.
    const job = { image: image.image, sector, keepEphemeral, provenZero: size };
    expect(await write(all.disk, job)).toMatchObject({ rootUuid: image.uuid, verified: "full" });
    await expectKept(all, image);
    expect(await tableIn(all.disk, sector)).toEqual(table);
    for (const [at, length] of [
      [4096, MiB - 4096],
      [rootAt + 39 * MiB, MiB],
      [size - MiB, MiB],
    ] as const) {
      expect((await bytesAt(all.disk.path, at, length)).every((byte) => byte === 0)).toBe(true);
    }
  });

  it.for([
    ["the swap partition has another size", { ...layout, swap: 9 * MiB }],
    ["there is no swap partition any more", { ...layout, swap: 0 }],
    ["the root partition has another size", { ...layout, root: 41 * MiB }],
  ] as const)("leaves each of its bytes when it was cut for another layout: now %s", async ([, other]) => {
    const all = await deployed();
    const image = await newImage(all.disk, "new");
    await write(all.disk, { image: image.image, layout: other, cut: layout, keepEphemeral: "check" });
    await expectKept(all, image, other);
    expect((await tableIn(all.disk))?.at(-1)).toMatchObject({
      start: swapAt + other.swap,
      size: other.root,
    });
  });

  it("is not what a write does that was not told to", async () => {
    const { disk, before } = await deployed();
    await write(disk, { image: (await newImage(disk, "new")).image });
    expect((await bytesAt(disk.path, kept.at, kept.length)).equals(before)).toBe(false);
  });
});

describe("not one byte is written", () => {
  it.for([
    ["the ephemeral partition has another size", { ...layout, ephemeral: 29 * MiB }],
    ["the swap partition has another size", { ...layout, swap: 9 * MiB }],
    ["there is no swap partition any more", { ...layout, swap: 0 }],
    ["the root partition has another size", { ...layout, root: 41 * MiB }],
  ] as const)("when %s", async ([, other]: readonly [string, DiskLayout]) => {
    const { disk } = await deployed();
    const { image } = await newImage(disk, "new");
    const was = await digest(disk);
    for (const keepEphemeral of ["check", "resume"] as const) {
      const refused = write(disk, { image, layout: other, keepEphemeral });
      await expect(refused).rejects.toMatchObject({ code: "WRITE_LAYOUT_DIFFERS" });
    }
    expect(await digest(disk)).toBe(was);
  });

  it("when the disk bears no table, whatever the ramdisk proved", async () => {
    const { disk } = await deployed();
    const { image } = await newImage(disk, "new");
    await patch(disk.path, [[0, Buffer.alloc(MiB)]]);
    const was = await digest(disk);
    for (const keepEphemeral of ["check", "resume"] as const) {
      const refused = write(disk, { image, keepEphemeral, provenZero: size });
      await expect(refused).rejects.toMatchObject({ code: "WRITE_LAYOUT_DIFFERS" });
    }
    expect(await digest(disk)).toBe(was);
  });

  it("when the disk bears only our mark, and nobody says that this deployment put it there", async () => {
    const { disk } = await deployed();
    const { image } = await newImage(disk, "new");
    await patch(disk.path, [[0, mark.content]]);
    const was = await digest(disk);
    const refused = write(disk, { image, keepEphemeral: "check" });
    await expect(refused).rejects.toMatchObject({ code: "WRITE_LAYOUT_DIFFERS" });
    expect(await digest(disk)).toBe(was);
  });

  it("when the layout has no ephemeral partition, or the image brings its own partitions", async () => {
    const { disk } = await deployed();
    const { image } = await newImage(disk, "new");
    const was = await digest(disk);
    const none = write(disk, { image, layout: { ...layout, ephemeral: 0 }, keepEphemeral: "check" });
    await expect(none).rejects.toThrow(TypeError);
    const { target } = disk;
    const job = {
      target,
      provenZero: 0,
      verify: "full",
      stall: "20 seconds",
      keepEphemeral: "resume",
    } as const;
    const whole = { ...job, image: { ...image, kind: "whole-disk" } } as const;
    const { write: push } = iscsiPush({ scratch: disk.folder });
    await expect(push(newContext(), whole)).rejects.toThrow(TypeError);
    expect(await digest(disk)).toBe(was);
  });
});

describe("an attempt that is cut off", () => {
  it.for([
    ["wiping", false],
    ["writing", true],
    ["verifying", true],
    ["finishing", true],
  ] as const)("when it begins %s keeps all, and so does the one that resumes it", async ([stage, bears]) => {
    const all = await deployed();
    const image = await newImage(all.disk, "new");
    const job = { image: image.image, keepEphemeral: "check" } as const;
    await expect(write(all.disk, job, cutAt(stage, 0))).rejects.toThrow("cut off");
    expect(await marked(all.disk)).toBe(bears);
    expect((await bytesAt(all.disk.path, kept.at, kept.length)).equals(all.before)).toBe(true);
    await write(all.disk, { ...job, keepEphemeral: "resume" });
    await expectKept(all, image);
  });

  it("at any moment leaves what resumes", async () => {
    const all = await deployed();
    let image = await newImage(all.disk, "new");
    for (const [n, stage] of ["wiping", "writing", "verifying", "finishing"].entries()) {
      for (const after of [5, 15, 30, 60]) {
        image = await newImage(all.disk, `new-${n}-${after}`);
        const job = { image: image.image, keepEphemeral: "resume" } as const;
        await write(all.disk, job, cutAt(stage, after)).catch((error) =>
          expect(error.message).toBe("cut off"),
        );
        expect((await tableIn(all.disk)) !== undefined || (await marked(all.disk))).toBe(true);
      }
    }
    await write(all.disk, { image: image.image, keepEphemeral: "resume" });
    await expectKept(all, image);
  });
});
