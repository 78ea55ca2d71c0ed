import type { DiskLayout, SourceImage } from "./driver.ts";
import { endOf, gaps, merged, type Range } from "./ranges.ts";
import type { Entry } from "./table.ts";
import { tableFor } from "./tables.ts";

const MiB = 2 ** 20;
/** Old signatures live in the first and the last MiB of a disk or partition: GPT and its backup, RAID, LVM, ZFS labels. */
const edge = MiB;
/** Held back until everything else is on the disk, and the very last thing written. */
export const firstSectors = 4096;

/** A partition of a partition image's disk. */
export interface Partition extends Range {
  readonly role: "efi" | "ephemeral" | "swap" | "root";
}

/** Where everything goes. Bytes from the start of the disk. */
export interface WritePlan {
  /** The disk must have so many. */
  readonly needs: number;
  /** The partition image's partitions, in the order of the table; none for a whole-disk image. */
  readonly partitions: readonly Partition[];
  /** Where the image's first byte goes. */
  readonly imageAt: number;
  /** The part of the image that is written first, in image offsets. */
  readonly body: Range;
  /** Parts of the image without which nothing boots, in the order they are written after all else; in image offsets. */
  readonly held: readonly Range[];
  /** Zeroed before anything else is written. */
  readonly wipes: readonly Range[];
  /** Where a volume goes beside a partition image. A whole-disk image brings a table of its own: volume.ts. */
  readonly volumeAt?: Range;
  /** What is on the disk and stays: nothing is wiped, written or read there (keep.ts). */
  readonly kept?: Range;
}

const up = (bytes: number, unit: number): number => Math.ceil(bytes / unit) * unit;

/**
 * Nova's order: [ephemeral,] swap, root are the second to last, or root, swap; an EFI system partition before them, as Ironic
 * has it. Each starts on a MiB. A root of 0 is the image's size.
 */
export function partitionsOf(layout: DiskLayout, imageSize: number): readonly Partition[] {
  const root = { role: "root", bytes: layout.root || imageSize } as const;
  const swap = { role: "swap", bytes: layout.swap } as const;
  const ephemeral = { role: "ephemeral", bytes: layout.ephemeral } as const;
  const efi = { role: "efi", bytes: layout.efi ?? 0 } as const;
  let start = MiB;
  return [efi, ...(layout.ephemeral > 0 ? [ephemeral, swap, root] : [root, swap])]
    .filter(({ bytes }) => bytes > 0)
    .map(({ role, bytes }) => {
      const partition = { role, start, length: up(bytes, MiB) };
      start = endOf(partition);
      return partition;
    });
}

const uses = { efi: "EFI system", ephemeral: "Linux", swap: "swap", root: "Linux" } as const;

/** The partitions as a table tells them. */
export const entriesOf = (partitions: readonly Partition[]): readonly Entry[] =>
  partitions.map(({ role, start, length }) => ({
    ...{ start, length, use: uses[role] },
    bootable: role === "root",
  }));

/** The plan for a disk of a size; it may need more than the disk has. */
export function planWrite(image: SourceImage, layout: DiskLayout | undefined, disk: number): WritePlan {
  // QEMU counts in 512 bytes and reads zeros beyond a raw file's end.
  const size = up(image.virtualSize, 512);
  return layout === undefined ? planWhole(size, disk) : planPartitions(size, layout, disk);
}

function planWhole(size: number, disk: number): WritePlan {
  const head = Math.min(edge, size);
  // An image as large as the disk brings a GPT backup that firmware would boot from: it waits as well.
  const bodyEnd = size > disk - edge ? Math.max(head, Math.floor((size - edge) / 4096) * 4096) : size;
  const cut = Math.min(firstSectors, head);
  const held = [
    { start: bodyEnd, length: size - bodyEnd },
    { start: cut, length: head - cut },
    { start: 0, length: cut },
  ].filter(({ length }) => length > 0);
  const body = { start: head, length: bodyEnd - head };
  return { needs: size, partitions: [], imageAt: 0, body, held, wipes: edges({ start: 0, length: disk }) };
}

function planPartitions(size: number, layout: DiskLayout, disk: number): WritePlan {
  const partitions = partitionsOf(layout, size);
  const imageAt = partitions.find(({ role }) => role === "root")?.start ?? MiB;
  const written = [{ start: imageAt, length: size }];
  const all = [...partitions.flatMap(edges), ...edges({ start: 0, length: disk })];
  const wipes = merged(all.toSorted((a, b) => a.start - b.start)).flatMap((wipe) => gaps(written, wipe));
  const needs = Math.max(MiB, ...partitions.map(endOf)) + tableFor(layout).tail;
  return { needs, partitions, imageAt, body: { start: 0, length: size }, held: [], wipes };
}

function edges({ start, length }: Range): Range[] {
  const one = Math.min(edge, length);
  return merged([
    { start, length: one },
    { start: start + length - one, length: one },
  ]);
}
