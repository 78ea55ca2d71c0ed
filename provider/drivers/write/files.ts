import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { hasCode } from "../../kernel/errors.ts";
import { type RunOptions, run } from "../../kernel/process.ts";
import { type Block, imageBlock, part } from "./blocks.ts";
import { convert, QemuFailed } from "./qemu.ts";
import type { Range } from "./ranges.ts";

/** Give `body` a folder of its own; it is gone afterwards. */
export async function withFolder<T>(parent: string, body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(parent, "write-"));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Make a sparse file of a size. */
async function sparse(path: string, size: number): Promise<void> {
  await writeFile(path, "");
  const file = await open(path, "r+");
  try {
    await file.truncate(size);
  } finally {
    await file.close();
  }
}

/** Copy a stretch of an image into a raw file. */
export async function extract(ctx: Context, image: Block, range: Range, path: string): Promise<void> {
  await sparse(path, range.length);
  const to = imageBlock({ path, format: "raw" });
  await convert(ctx, part(image, range), to, { targetIsZero: true, onProgress: () => {} });
}

/** The first bytes of a block; `folder` must be the caller's own. */
export async function readStart(ctx: Context, block: Block, length: number, folder: string): Promise<Buffer> {
  return await readRange(ctx, block, { start: 0, length }, folder);
}

/** A stretch of an image; `folder` must be the caller's own. */
export async function readRange(ctx: Context, image: Block, range: Range, folder: string): Promise<Buffer> {
  const path = join(folder, "stretch");
  await extract(ctx, image, range, path);
  return await readFile(path);
}

/** Make an empty ext4 file system, labelled as Nova did, in a sparse file. */
export async function makeEphemeral(ctx: Context, path: string, size: number): Promise<void> {
  await sparse(path, size);
  const result = await mke2fs(ctx, ["-q", "-F", "-t", "ext4", "-L", "ephemeral0", path]);
  if (result.code !== 0) throw new QemuFailed(`mke2fs: ${result.stderr.trim()}`);
}

/** Make an empty FAT32 file system, the kind that every UEFI firmware reads, in a sparse file. */
export async function makeEfiSystem(ctx: Context, path: string, size: number, sector: number): Promise<void> {
  await sparse(path, size);
  const result = await mkfsFat(ctx, ["-F", "32", "-S", String(sector), "-n", "EFI", path]);
  if (result.code !== 0) throw new QemuFailed(`mkfs.fat: ${result.stderr.trim()}`);
}

/** Run mke2fs. PROGRAM_MISSING if it is nowhere. */
export const mke2fs = (ctx: Context, args: readonly string[]) => runSystem(ctx, "mke2fs", args);

/** Run mkfs.fat. PROGRAM_MISSING if it is nowhere. */
export const mkfsFat = (ctx: Context, args: readonly string[]) => runSystem(ctx, "mkfs.fat", args);

/** Run a program of the system's, also where it is not on the PATH of people who are not root. PROGRAM_MISSING. */
export async function runSystem(
  ctx: Context,
  name: string,
  args: readonly string[],
  options: RunOptions = {},
) {
  try {
    return await run(ctx, name, args, options);
  } catch (error) {
    if (!hasCode(error, "PROGRAM_MISSING")) throw error;
    return await run(ctx, `/usr/sbin/${name}`, args, options);
  }
}
