import { closeSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { readdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, describe, expect, it } from "vitest";
import type { SourceImage, WriteJob } from "../../provider/drivers/write/driver.ts";
import { iscsiPush } from "../../provider/drivers/write/iscsi-push.ts";
import { decodeMbr } from "../../provider/drivers/write/mbr.ts";
import { decodeSwap } from "../../provider/drivers/write/swap.ts";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import {
  bytesAt,
  fillUsed,
  firstDifference,
  partitionImage,
  patch,
  wholeDiskImage,
} from "../fixtures/images.ts";
import { type ExportedDisk, exportDisk } from "../fixtures/tgtd.ts";

const MiB = 2 ** 20;
const uuid = "7d3f1c52-4a0b-4b6e-9a55-0c3c1f2e9b10";
const disks: ExportedDisk[] = [];
afterEach(async () => {
  for (const disk of disks.splice(0)) await disk.stop();
});

async function newDisk(size: number, content: "zero" | "used", sector = 512): Promise<ExportedDisk> {
  const fill = content === "used" ? (path: string) => fillUsed(path, size) : async () => {};
  const disk = await exportDisk(size, { fill, sector });
  disks.push(disk);
  return disk;
}

const jobFor = (disk: ExportedDisk, image: SourceImage, more: Partial<WriteJob> = {}): WriteJob => ({
  target: disk.target,
  image,
  provenZero: 0,
  verify: "full",
  stall: "20 seconds",
  ...more,
});

const writer = ({ folder }: ExportedDisk) => iscsiPush({ scratch: folder });
const isZero = async (path: string, at: number, length: number) =>
  (await bytesAt(path, at, length)).every((byte) => byte === 0);

/** Programs that still have this target in their arguments. */
function programsAt({ target }: ExportedDisk): string[] {
  return readdirSync("/proc")
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(target.iqn);
      } catch {
        return false;
      }
    });
}

/** A context that acts when a stage begins. */
function contextAt(stage: string, act: () => void, signal = new AbortController().signal) {
  let acted = false;
  return newContext({
    signal,
    report: (progress) => {
      if (progress.stage !== stage || acted) return;
      acted = true;
      act();
    },
  });
}

/** Whether the first sector says that a write began and did not end, and nothing that a machine would boot. */
async function isMarked({ path }: ExportedDisk): Promise<boolean> {
  const first = await bytesAt(path, 0, 4096);
  return first.toString("latin1").startsWith("A write by") && first.readUInt16LE(510) === 0;
}

/** A bit or two that the disk forgot. */
function rot(path: string, at: number): void {
  const file = openSync(path, "r+");
  writeSync(file, "rot", at);
  closeSync(file);
}

const cases = (["raw", "qcow2"] as const).flatMap((format) =>
  (["zero", "used"] as const).map((content) => ({ format, content })),
);

describe("a whole-disk image", () => {
  it.for(cases)("lies on a $content disk byte for byte, from $format", async ({ format, content }) => {
    const size = 64 * MiB;
    const disk = await newDisk(size, content);
    const { image, raw } = await wholeDiskImage(disk.folder, { format });
    const seen: Progress[] = [];
    const ctx = newContext({ report: (progress) => seen.push(progress) });
    await writer(disk).check(ctx, image);
    const written = await writer(disk).write(
      ctx,
      jobFor(disk, image, { provenZero: content === "zero" ? size : 0 }),
    );
    expect(await firstDifference([raw, 0], [disk.path, 0], image.virtualSize)).toBeUndefined();
    expect(await isZero(disk.path, size - MiB, MiB)).toBe(true);
    expect(written).toMatchObject({ verified: "full" });
    expect(written.bytesWritten).toBeGreaterThan(12 * MiB);
    expect(written.rootUuid).toBeUndefined();
    expect([...new Set(seen.map(({ stage }) => stage))]).toEqual([
      "wiping",
      "writing",
      "verifying",
      "finishing",
    ]);
    expect(seen.at(-1)).toMatchObject({ percent: 100 });
    expect((await readdir(disk.folder)).filter((name) => name.startsWith("write-"))).toEqual([]);
  });

  it("that a firmware would not start is refused before there is a disk, with the reason", async () => {
    const disk = await newDisk(64 * MiB, "zero");
    const { image } = await wholeDiskImage(disk.folder, { format: "qcow2" });
    const check = (firmware: "bios" | "uefi") => writer(disk).check(newContext(), image, { firmware });
    await check("bios");
    await expect(check("uefi")).rejects.toMatchObject({
      code: "WRITE_NOT_BOOTABLE",
      message: expect.stringContaining("does not boot by UEFI: it has no EFI system partition"),
    });
  });

  it("may be exactly as large as the disk, and an odd number of sectors", async () => {
    const size = 40 * MiB - 512;
    const disk = await newDisk(size, "used");
    const { image, raw } = await wholeDiskImage(disk.folder, { format: "qcow2", size });
    await writer(disk).write(newContext(), jobFor(disk, image, { verify: "sampled" }));
    expect(await firstDifference([raw, 0], [disk.path, 0], size)).toBeUndefined();
  });

  it("may end within a sector", async () => {
    const disk = await newDisk(64 * MiB, "used");
    const { image, raw } = await wholeDiskImage(disk.folder, { format: "raw", size: 40 * MiB + 77 });
    await writer(disk).write(newContext(), jobFor(disk, image));
    expect(await firstDifference([raw, 0], [disk.path, 0], image.virtualSize)).toBeUndefined();
    expect(await isZero(disk.path, image.virtualSize, 512 - 77)).toBe(true);
  });

  it("is right where an earlier write of another image was cut off since the zeros were proven", async () => {
    const size = 64 * MiB;
    const disk = await newDisk(size, "zero");
    const { image: other } = await partitionImage(disk.folder, { format: "raw", uuid });
    const cancel = new AbortController();
    const ctx = contextAt("verifying", () => cancel.abort(new Error("killed")), cancel.signal);
    const first = jobFor(disk, { ...other, kind: "whole-disk" }, { provenZero: size });
    await expect(writer(disk).write(ctx, first)).rejects.toThrow("killed");
    const { image, raw } = await wholeDiskImage(disk.folder, { format: "qcow2" });
    await writer(disk).write(newContext(), jobFor(disk, image, { provenZero: size }));
    expect(await firstDifference([raw, 0], [disk.path, 0], image.virtualSize)).toBeUndefined();
  });

  it("is right on a disk of which only the start was proven zero", async () => {
    const disk = await newDisk(64 * MiB, "used");
    await patch(disk.path, [[0, Buffer.alloc(30 * MiB + 5)]]);
    const { image, raw } = await wholeDiskImage(disk.folder, { format: "qcow2" });
    await writer(disk).write(newContext(), jobFor(disk, image, { provenZero: 30 * MiB + 5 }));
    expect(await firstDifference([raw, 0], [disk.path, 0], image.virtualSize)).toBeUndefined();
  });
});

describe("a partition image", () => {
  it.for(cases)("gets Nova's partitions on a $content disk, from $format", async ({ format, content }) => {
    const size = 100 * MiB;
    const disk = await newDisk(size, content);
    const { image, raw } = await partitionImage(disk.folder, { format, uuid });
    const layout = { root: 40 * MiB, swap: 8 * MiB, ephemeral: 30 * MiB };
    await writer(disk).check(newContext(), image, { layout });
    const provenZero = content === "zero" ? size : 0;
    const written = await writer(disk).write(newContext(), jobFor(disk, image, { layout, provenZero }));
    expect(written.rootUuid).toBe(uuid);
    const [ephemeral, swap, root, ...none] = decodeMbr(await bytesAt(disk.path, 0, 512))?.partitions ?? [];
    expect(none).toEqual([]);
    expect(ephemeral).toEqual({ start: MiB, size: 30 * MiB, type: 0x83, bootable: false });
    expect(swap).toEqual({ start: 31 * MiB, size: 8 * MiB, type: 0x82, bootable: false });
    expect(root).toEqual({ start: 39 * MiB, size: 40 * MiB, type: 0x83, bootable: true });
    expect(await firstDifference([raw, 0], [disk.path, 39 * MiB], image.virtualSize)).toBeUndefined();
    expect(decodeSwap(await bytesAt(disk.path, 31 * MiB, 4096))).toMatchObject({
      size: 8 * MiB,
      label: "swap1",
    });
    // The last MiB of the root partition, beyond the image, and of the disk: where old RAID and GPT labels were.
    expect(await isZero(disk.path, 78 * MiB, MiB)).toBe(true);
    expect(await isZero(disk.path, size - MiB, MiB)).toBe(true);
    const cut = ["bs=1M", "skip=1", "count=30", "status=none"];
    await execa("dd", [`if=${disk.path}`, `of=${disk.folder}/ephemeral`, ...cut]);
    const env = { PATH: `${process.env["PATH"]}:/usr/sbin` };
    await execa("e2fsck", ["-fn", `${disk.folder}/ephemeral`], { env });
    const { stdout } = await execa("e2label", [`${disk.folder}/ephemeral`], { env });
    expect(stdout).toBe("ephemeral0");
  });

  it("needs neither swap nor ephemeral, and lies on a disk with 4096-byte sectors", async () => {
    const disk = await newDisk(48 * MiB, "used", 4096);
    const { image, raw } = await partitionImage(disk.folder, { format: "raw", uuid });
    const layout = { root: 30 * MiB, swap: 0, ephemeral: 0 };
    await writer(disk).write(newContext(), jobFor(disk, image, { layout, sector: 4096 }));
    expect(decodeMbr(await bytesAt(disk.path, 0, 512), 4096)?.partitions).toEqual([
      { start: MiB, size: 30 * MiB, type: 0x83, bootable: true },
    ]);
    expect(await firstDifference([raw, 0], [disk.path, MiB], image.virtualSize)).toBeUndefined();
  });
});

describe("nothing is written", () => {
  it("to a disk that is too small", async () => {
    const disk = await newDisk(32 * MiB, "used");
    const { image } = await wholeDiskImage(disk.folder, { format: "qcow2" });
    await execa("cp", [disk.path, `${disk.folder}/before`]);
    const write = writer(disk).write(newContext(), jobFor(disk, image));
    await expect(write).rejects.toMatchObject({
      code: "WRITE_DISK_TOO_SMALL",
      message: expect.stringContaining("32 MiB"),
    });
    expect(await firstDifference([`${disk.folder}/before`, 0], [disk.path, 0], 32 * MiB)).toBeUndefined();
  });

  it("to a disk whose sectors the image was not laid out for", async () => {
    const disk = await newDisk(64 * MiB, "used", 4096);
    const { image } = await wholeDiskImage(disk.folder, { format: "raw" });
    const write = writer(disk).write(newContext(), jobFor(disk, image, { sector: 4096 }));
    await expect(write).rejects.toMatchObject({ code: "WRITE_SECTOR_SIZE" });
    expect(await isZero(disk.path, 0, 512)).toBe(false);
  });

  it("to a target that is not there, and it says why", async () => {
    const disk = await newDisk(64 * MiB, "zero");
    const { image } = await wholeDiskImage(disk.folder, { format: "raw", size: 32 * MiB });
    const ctx = newContext({ clock: { now: Date.now, sleep: async () => {} } });
    const gone = { ...disk.target, iqn: "iqn-of-nobody" };
    const write = writer(disk).write(ctx, jobFor(disk, image, { target: gone }));
    await expect(write).rejects.toMatchObject({
      code: "WRITE_NO_TARGET",
      message: expect.not.stringContaining("driver="),
    });
  });
});

describe("a write that goes wrong is never a success, leaves no program behind, and no first sector", () => {
  async function begin(content: "zero" | "used" = "used") {
    const disk = await newDisk(200 * MiB, content);
    const { image } = await wholeDiskImage(disk.folder, { format: "qcow2", size: 160 * MiB });
    return { disk, image };
  }

  it.for(["wiping", "writing", "verifying"])("when the server hangs while %s", async (stage) => {
    const { disk, image } = await begin();
    const ctx = contextAt(stage, () => disk.kill("SIGSTOP"));
    const started = Date.now();
    const write = writer(disk).write(ctx, jobFor(disk, image, { stall: "1500 ms" }));
    await expect(write).rejects.toMatchObject({ code: "WRITE_STALLED" });
    expect(Date.now() - started).toBeLessThan(8_000);
    expect(programsAt(disk)).toEqual([]);
    if (stage !== "wiping") expect(await isMarked(disk)).toBe(true);
  });

  it("when the server dies in the middle", async () => {
    const { disk, image } = await begin();
    const ctx = contextAt("writing", () => setTimeout(() => disk.kill("SIGKILL"), 100));
    const write = writer(disk).write(ctx, jobFor(disk, image, { stall: "2 seconds" }));
    await expect(write).rejects.toMatchObject({ code: expect.stringMatching(/^WRITE_(STALLED|FAILED)$/) });
    expect(programsAt(disk)).toEqual([]);
    expect(await isMarked(disk)).toBe(true);
  });

  it.for(["full", "sampled"] as const)("when the disk gives back other bytes (%s)", async (verify) => {
    const { disk, image } = await begin("zero");
    const ctx = contextAt("verifying", () => rot(disk.path, 3 * MiB + 70_000));
    const write = writer(disk).write(ctx, jobFor(disk, image, { verify, provenZero: 200 * MiB }));
    await expect(write).rejects.toMatchObject({ code: "WRITE_MISMATCH" });
    expect(await isMarked(disk)).toBe(true);
  });

  it("when it is cancelled", async () => {
    const { disk, image } = await begin();
    const cancel = new AbortController();
    const ctx = contextAt(
      "writing",
      () => setTimeout(() => cancel.abort(new Error("enough")), 50),
      cancel.signal,
    );
    await expect(writer(disk).write(ctx, jobFor(disk, image))).rejects.toThrow("enough");
    expect(programsAt(disk)).toEqual([]);
    expect((await readdir(disk.folder)).filter((name) => name.startsWith("write-"))).toEqual([]);
  });
});

describe("before a server is touched", () => {
  const folderOf = async () => await newDisk(MiB, "zero");

  it("an image that leans on another file, is cut short or is not what it was is refused", async () => {
    const disk = await folderOf();
    const { image } = await wholeDiskImage(disk.folder, { format: "qcow2", size: 32 * MiB });
    const { check } = writer(disk);
    const ctx = newContext();
    const overlay = join(disk.folder, "overlay.qcow2");
    await execa("qemu-img", ["create", "-q", "-f", "qcow2", "-b", image.path, "-F", "qcow2", overlay]);
    const code = { code: "WRITE_IMAGE_UNFIT" };
    await expect(check(ctx, { ...image, path: overlay })).rejects.toMatchObject(code);
    await expect(check(ctx, { ...image, virtualSize: 31 * MiB })).rejects.toMatchObject(code);
    await expect(check(ctx, { ...image, path: "/nowhere" })).rejects.toMatchObject(code);
    await check(ctx, image);
    await truncate(image.path, 6 * MiB);
    await expect(check(ctx, image)).rejects.toMatchObject(code);
  });

  it.for([
    ["has no layout", undefined, "WRITE_LAYOUT"],
    ["has a root that is too small", { root: MiB, swap: 0, ephemeral: 0 }, "WRITE_LAYOUT"],
    ["reaches beyond what the table can say", { root: 2 ** 41, swap: 0, ephemeral: 0 }, "WRITE_LAYOUT"],
    ["has no file system", { root: 0, swap: 0, ephemeral: 0 }, "WRITE_ROOT_UNKNOWN"],
  ] as const)("a partition image that %s is refused", async ([, layout, code]) => {
    const disk = await folderOf();
    const { image } = await wholeDiskImage(disk.folder, { format: "raw", size: 32 * MiB });
    const check = writer(disk).check(newContext(), { ...image, kind: "partition" }, layout && { layout });
    await expect(check).rejects.toMatchObject({ code });
  });

  it("a qemu-img without iSCSI is named with the package that brings it", async () => {
    const disk = await folderOf();
    const { image } = await wholeDiskImage(disk.folder, { format: "raw", size: 32 * MiB });
    const words = "#!/bin/sh\necho \"qemu-img: Could not open 'x': Unknown driver 'iscsi'\" >&2\nexit 1\n";
    const bin = join(disk.folder, "bin");
    await execa("mkdir", [bin]);
    await execa("tee", [join(bin, "qemu-img")], { input: words });
    await execa("chmod", ["+x", join(bin, "qemu-img")]);
    const path = process.env["PATH"];
    process.env["PATH"] = `${bin}:${path}`;
    try {
      await expect(writer(disk).check(newContext(), image)).rejects.toMatchObject({
        code: "WRITE_NO_ISCSI",
        message: expect.stringContaining("qemu-block-extra"),
      });
    } finally {
      process.env["PATH"] = path;
    }
  });
});
