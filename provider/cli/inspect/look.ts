import { open } from "node:fs/promises";
import { join } from "node:path";
import { imageBlock } from "../../drivers/write/blocks.ts";
import { extract, readRange } from "../../drivers/write/files.ts";
import { rootIn } from "../../drivers/write/grow.ts";
import { headSize, type RootFileSystem, rootFileSystem } from "../../drivers/write/head.ts";
import type { Range } from "../../drivers/write/ranges.ts";
import type { Context } from "../../kernel/context.ts";
import type { OpenedImage } from "./cached.ts";
import { type ExtTree, openExt } from "./ext.ts";
import { namesIn } from "./fat.ts";
import { efiSystem, labelIn, layoutOf, type Part } from "./layout.ts";
import { type System, systemIn } from "./system.ts";

/** The root file system, and what its system tells. */
export interface Root extends RootFileSystem {
  readonly start: number;
  readonly label: string;
  /** Only of ext2, ext3 and ext4: the others cannot be read without mounting. */
  readonly system?: System;
}

export interface Inspection {
  readonly image: string;
  readonly format: string;
  /** Bytes it fills on a disk. */
  readonly virtualSize: number;
  readonly kind: "whole-disk" | "partition" | "unknown";
  readonly table?: "gpt" | "mbr";
  readonly partitions: readonly (Part & { readonly fileSystem: string })[];
  /** Whether its first sector holds code that a BIOS would run. */
  readonly bootCode: boolean;
  /** Boot loaders where UEFI looks for them: `BOOTX64.EFI`. */
  readonly efiLoaders: readonly string[];
  readonly root?: Root;
  /** Whether `grow: "root"` makes the root of a whole-disk image as large as its disk. */
  readonly grows: boolean;
}

/** An image, and a folder of our own for what is taken out of it. */
export interface Work extends OpenedImage {
  readonly folder: string;
}

/** Look into an image without mounting it. */
export async function lookInto(ctx: Context, work: Work): Promise<Inspection> {
  const head = await headAt(ctx, work, 0);
  const { table, sector, parts, bootCode } = layoutOf(head);
  const partitions: Inspection["partitions"][number][] = [];
  for (const part of parts) {
    partitions.push({ ...part, fileSystem: wordOf(await headAt(ctx, work, part.start)) });
  }
  const found = await findRoot(ctx, work);
  const tree = found && (await treeOf(ctx, work, found));
  const system = tree && (await systemIn(tree));
  return {
    ...{ image: work.shown, format: work.format, virtualSize: work.virtualSize },
    kind: table ? "whole-disk" : rootFileSystem(head) ? "partition" : "unknown",
    ...(table ? { table } : {}),
    partitions,
    bootCode: table !== undefined && bootCode,
    efiLoaders: await loadersIn(ctx, work, parts),
    ...(found ? { root: { ...found.root, ...(system ? { system } : {}) } } : {}),
    grows:
      table !== undefined && found !== undefined && found.range.start === rootIn({ head, sector })?.start,
  };
}

/** The first bytes of an image from an offset; one at a time, they share a file. */
async function headAt(
  ctx: Context,
  { path, format, virtualSize, folder }: Work,
  start: number,
): Promise<Buffer> {
  const length = Math.min(headSize, Math.ceil(virtualSize / 512) * 512 - start);
  if (length <= 0) return Buffer.alloc(0);
  return await readRange(ctx, imageBlock({ path, format }), { start, length }, folder);
}

function wordOf(head: Buffer): string {
  const found = rootFileSystem(head)?.type;
  if (found !== undefined) return found;
  if (head.toString("latin1", 4086, 4096) === "SWAPSPACE2") return "swap";
  return /FAT(12|16|32) /.test(head.toString("latin1", 0, 96)) ? "vfat" : "";
}

/** A root, and where it lies in the image. */
interface Found {
  readonly root: Omit<Root, "system">;
  readonly range: Range;
}

/** The image's own file system, or that of its largest partition that has one. */
export async function findRoot(ctx: Context, work: Work): Promise<Found | undefined> {
  const { table, parts } = layoutOf(await headAt(ctx, work, 0));
  const whole = { start: 0, length: work.virtualSize };
  for (const range of table === undefined ? [whole] : parts.toSorted((a, b) => b.length - a.length)) {
    const head = await headAt(ctx, work, range.start);
    const found = rootFileSystem(head);
    if (found) return { root: { ...found, start: range.start, label: labelIn(head) }, range };
  }
  return undefined;
}

/** The tree of an image's root; undefined where it is none that can be read without mounting. */
export async function treeOf(ctx: Context, work: Work, { root, range }: Found): Promise<ExtTree | undefined> {
  if (root.type !== "ext") return undefined;
  const { path, format, folder } = work;
  // debugfs takes what stands behind a question mark for options.
  if (format === "raw" && !path.includes("?")) return openExt(ctx, { path, offset: range.start, folder });
  const copy = join(folder, "root");
  await extract(ctx, imageBlock({ path, format }), range, copy);
  return openExt(ctx, { path: copy, offset: 0, folder });
}

async function loadersIn(ctx: Context, work: Work, parts: readonly Part[]): Promise<readonly string[]> {
  const esp = parts.find(({ type }) => type === efiSystem);
  if (esp === undefined) return [];
  const { path, format, folder } = work;
  const copy = join(folder, "esp");
  await extract(ctx, imageBlock({ path, format }), esp, copy);
  const file = await open(copy);
  try {
    const names = (await namesIn(file, ["EFI", "BOOT"])) ?? [];
    return names.filter((name) => /^BOOT(X64|IA32|AA64|ARM|RISCV64)\.EFI$/.test(name));
  } finally {
    await file.close();
  }
}
