import { readdir } from "node:fs/promises";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { decodeMbr } from "../../provider/drivers/write/mbr.ts";
import { decodeSwap } from "../../provider/drivers/write/swap.ts";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import { bytesAt, firstDifference, partitionImage, patch, wholeDiskImage } from "../fixtures/images.ts";
import { contextAt, isZero, jobFor, MiB, newDisk, writer } from "./write-jobs.ts";

const uuid = "7d3f1c52-4a0b-4b6e-9a55-0c3c1f2e9b10";

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
