import type { Context } from "../../kernel/context.ts";
import { run } from "../../kernel/process.ts";
import { showBytes } from "../../kernel/units.ts";
import { type Block, blockOptions, diskBlock, imageBlock } from "./blocks.ts";
import type { DiskLayout, SourceImage, WriteJob } from "./driver.ts";
import { writeErrors } from "./errors.ts";
import { mke2fs, mkfsFat, readStart, runSystem, withFolder } from "./files.ts";
import { type Firmware, unbootable } from "./firmware.ts";
import { headSize, type RootFileSystem, rootFileSystem, tableSector } from "./head.ts";
import { partitionsOf } from "./plan.ts";
import { checkTables, info, QemuFailed } from "./qemu.ts";
import { endOf } from "./ranges.ts";
import { tableFor } from "./tables.ts";

/** Whether this host's qemu-img has its iSCSI part, which comes in a package of its own. WRITE_NO_ISCSI, PROGRAM_MISSING. */
export async function checkPrograms(ctx: Context, layout?: DiskLayout, files = false): Promise<void> {
  // The list of formats names iscsi also where its module is missing: only an attempt tells. Nobody listens on port 1.
  const nobody = diskBlock({ address: "127.0.0.1", port: 1, iqn: "iqn-nobody", lun: 1 });
  const { stderr } = await run(ctx, "qemu-img", ["info", "--image-opts", blockOptions(nobody)]);
  if (/Unknown (?:driver|protocol)|module .* not found/i.test(stderr))
    throw writeErrors.make("WRITE_NO_ISCSI", {});
  await run(ctx, "qemu-io", ["--version"]);
  if (layout !== undefined && layout.ephemeral > 0) await mke2fs(ctx, ["-V"]);
  if (files) for (const name of ["debugfs", "e2fsck"]) await runSystem(ctx, name, ["-V"]);
  if (layout?.efi) await mkfsFat(ctx, ["--help"]);
}

/** Whether the image is what its record says, and stands alone. WRITE_IMAGE_UNFIT. */
export async function checkImage(ctx: Context, image: SourceImage): Promise<Block> {
  const block = imageBlock(image);
  const unfit = (reason: string) => writeErrors.make("WRITE_IMAGE_UNFIT", { path: image.path, reason });
  try {
    const { size, leans, encrypted } = await info(ctx, block);
    if (leans) throw unfit("it needs another file (a backing file or an external data file)");
    if (encrypted) throw unfit("it is encrypted");
    if (size !== Math.ceil(image.virtualSize / 512) * 512) {
      throw unfit(`it has ${size} bytes now and had ${image.virtualSize} when it was verified`);
    }
    if (image.format === "qcow2") await checkTables(ctx, block);
  } catch (error) {
    if (error instanceof QemuFailed) throw unfit(error.message);
    throw error;
  }
  return block;
}

/** Whether the layout can be cut for this image, with a table that counts sectors in 32 bits. WRITE_LAYOUT. */
export function checkLayout(image: SourceImage, layout: DiskLayout | undefined, sector = 512): void {
  const wrong = (reason: string) => writeErrors.make("WRITE_LAYOUT", { reason });
  if (image.kind === "whole-disk") {
    if (layout !== undefined) throw wrong("a whole-disk image brings its own partitions");
    return;
  }
  if (layout === undefined) throw wrong("a partition image needs one");
  if (layout.root !== 0 && layout.root < image.virtualSize) {
    throw wrong(
      `the root disk has ${showBytes(layout.root)} and the image fills ${showBytes(image.virtualSize)}`,
    );
  }
  const { name, reach } = tableFor(layout);
  if (partitionsOf(layout, image.virtualSize).some((p) => endOf(p) > reach(sector))) {
    throw wrong(
      `its partitions reach beyond ${showBytes(reach(sector))}, the most that an ${name} partition table can say`,
    );
  }
}

/** The first bytes of an image. */
export async function readHead(ctx: Context, image: SourceImage, scratch: string): Promise<Buffer> {
  return await withFolder(scratch, async (folder) => {
    const length = Math.min(headSize, Math.ceil(image.virtualSize / 512) * 512);
    return await readStart(ctx, imageBlock(image), length, folder);
  });
}

/** The file system of a partition image. WRITE_ROOT_UNKNOWN. */
export function rootOf(head: Buffer, { path }: SourceImage): RootFileSystem {
  const found = rootFileSystem(head);
  if (found === undefined) throw writeErrors.make("WRITE_ROOT_UNKNOWN", { path });
  return found;
}

/** Whether files can be laid into a partition image. WRITE_INJECT_UNFIT. */
export function checkTakesFiles({ type }: RootFileSystem, { path }: SourceImage, files: boolean): void {
  if (!files || type === "ext") return;
  throw writeErrors.make("WRITE_INJECT_UNFIT", { path, reason: `its root file system is ${type}` });
}

/** Whether a firmware may start a disk with this image. WRITE_NOT_BOOTABLE. */
export function checkBoots({ path }: SourceImage, head: Buffer, firmware: Firmware): void {
  const reason = unbootable(head, firmware);
  if (reason === undefined) return;
  throw writeErrors.make("WRITE_NOT_BOOTABLE", { path, firmware: firmware.toUpperCase(), reason });
}

/** Whether what the image is laid out for fits the disk's sectors. WRITE_SECTOR_SIZE. */
export function checkSector(
  { sector: disk = 512, target }: WriteJob,
  head: Buffer,
  root?: RootFileSystem,
): void {
  const wrong = (image: number) =>
    writeErrors.make("WRITE_SECTOR_SIZE", { address: target.address, disk, image });
  if (root !== undefined) {
    if (root.block % disk !== 0) throw wrong(root.block);
    return;
  }
  const image = tableSector(head) ?? disk;
  if (image !== disk) throw wrong(image);
}
