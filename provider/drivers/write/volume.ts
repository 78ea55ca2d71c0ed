import { randomUUID } from "node:crypto";
import { showBytes } from "../../kernel/units.ts";
import { writeErrors } from "./errors.ts";
import {
  backupAt,
  decodeGpt,
  type Gpt,
  gptPartitions,
  layGpt,
  type Patch,
  usable,
  withEnd,
  withPartition,
} from "./gpt.ts";
import { tableSector } from "./head.ts";
import { addPartition, decodeMbr, guardWhole, type MbrPartition, resizePartition } from "./mbr.ts";
import { endOf, type Range } from "./ranges.ts";

const MiB = 2 ** 20;
/** FAT, addressed by sectors: the type that every operating system mounts without being told. */
export const volumeType = 0x0c;
/** "Basic data" of the same kind in a GPT (UEFI Specification, and Microsoft's own list). */
export const volumeGuid = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7";

/** The last place for so many bytes before an end, on whole MiB: what lies before it can grow as far as possible. */
export const lastPlace = (end: number, length: number): Range => ({
  start: Math.floor(end / MiB) * MiB - length,
  length,
});

/** Where a volume goes on a disk with an MBR table, which reaches no farther than 32 bits of sectors. */
export const placeByMbr = (disk: number, sector: number, length: number): Range =>
  lastPlace(Math.min(disk, 2 ** 32 * sector), length);

export const volumePartition = ({ start, length }: Range): MbrPartition => ({
  start,
  size: length,
  type: volumeType,
  bootable: false,
});

/** A disk that a whole-disk image is written to, and what the image's first bytes say of it. */
export interface WholeDisk {
  readonly address: string;
  readonly image: string;
  readonly head: Buffer;
  readonly sector: number;
  /** Bytes. */
  readonly disk: number;
}

/** Where a volume goes on a disk that a whole-disk image is written to. */
export function placeOf({ head, sector, disk }: WholeDisk, length: number): Range {
  const gpt = decodeGpt(head, sector);
  return gpt === undefined ? placeByMbr(disk, sector, length) : lastPlace(endOf(usable(gpt, disk)), length);
}

/** What goes beside an image, and what of it becomes larger. */
export interface Changes {
  readonly volume?: Buffer | undefined;
  /** The partition that starts there gets this length. */
  readonly root?: Range | undefined;
}

/**
 * What changes in a whole-disk image because the disk is larger than it: a GPT's second copy moves to the disk's end, a volume
 * gets its partition, the root its room. WRITE_VOLUME_NO_ROOM, WRITE_VOLUME_NO_PLACE.
 */
export function tableChanges(whole: WholeDisk, changes: Changes = {}): readonly Patch[] {
  const { head, sector, disk } = whole;
  const gpt = decodeGpt(head, sector);
  if (gpt === undefined) return inMbr(whole, changes);
  const guard = { at: 0, bytes: guardWhole(head, disk, sector) };
  const old = backupAt(gpt);
  const moved = old !== (Math.floor(disk / sector) - 1) * sector && old < disk;
  // The copy at the image's own end is no longer one: nobody shall take it for the table.
  const stale = moved && old >= endOf(lastOf(gpt)) ? [{ at: old, bytes: Buffer.alloc(sector) }] : [];
  const { volume, root } = changes;
  const grown = root === undefined ? gpt : withEnd(gpt, root);
  if (volume === undefined) return [...stale, ...layGpt(grown, disk), guard];
  const place = placeOf(whole, volume.length);
  refuseOverlap(whole, place, endOf(lastOf(gpt)));
  const own = { ...place, type: volumeGuid, uuid: randomUUID(), name: "configuration" };
  const more =
    withPartition(grown, own) ?? noPlace(whole.image, "all places of its partition table are taken");
  return [...stale, { at: place.start, bytes: volume }, ...layGpt(more, disk), guard];
}

/** The partition that reaches farthest. */
const lastOf = (gpt: Gpt): Range =>
  gptPartitions(gpt).reduce<Range>((last, one) => (endOf(one) > endOf(last) ? one : last), {
    start: 0,
    length: 0,
  });

function inMbr(whole: WholeDisk, { volume, root }: Changes): readonly Patch[] {
  const { head, sector } = whole;
  const first = root === undefined ? head : resizePartition(head, root, sector);
  if (volume === undefined) return root === undefined ? [] : [{ at: 0, bytes: first }];
  const table = decodeMbr(head, sector) ?? noPlace(whole.image, "it has no partition table");
  if (table.partitions.some(({ type }) => type === 0xee)) noPlace(whole.image, "its GPT is damaged");
  const place = placeOf(whole, volume.length);
  refuseOverlap(whole, place, Math.max(0, ...table.partitions.map(({ start, size }) => start + size)));
  const bytes =
    addPartition(first, volumePartition(place), sector) ??
    noPlace(whole.image, "its four primary partitions are taken");
  return [
    { at: place.start, bytes: volume },
    { at: 0, bytes },
  ];
}

/** Whether a table can take a volume at all, whatever the disk: for the check before a server is touched. WRITE_VOLUME_NO_PLACE. */
export function checkTakesVolume(head: Buffer, image: string): void {
  const sector = tableSector(head) ?? 512;
  tableChanges({ address: "", image, head, sector, disk: 2 ** 41 }, { volume: Buffer.alloc(MiB) });
}

/** Refuse a place that begins before what lies in front of it ends. WRITE_VOLUME_NO_ROOM. */
export function refuseOverlap({ address }: Pick<WholeDisk, "address">, { start }: Range, end: number): void {
  if (start >= end) return;
  const missing = Math.ceil((end - start) / MiB) * MiB;
  throw writeErrors.make("WRITE_VOLUME_NO_ROOM", { address, missing: showBytes(missing) });
}

function noPlace(path: string, reason: string): never {
  throw writeErrors.make("WRITE_VOLUME_NO_PLACE", { path, reason });
}
