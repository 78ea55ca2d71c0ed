import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { firstDifference, wholeDiskImage } from "../fixtures/images.ts";
import { isZero, jobFor, MiB, newDisk, writer } from "./write-jobs.ts";

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
