import type { Range } from "./ranges.ts";

/** One primary partition, in bytes from the start of the disk. */
export interface MbrPartition {
  readonly start: number;
  readonly size: number;
  /** 0x83 Linux, 0x82 Linux swap. */
  readonly type: number;
  readonly bootable: boolean;
}

/** A master boot record's table, without boot code. */
export interface Mbr {
  /** 32 bits; Linux makes PARTUUIDs of it. */
  readonly signature: number;
  /** At most 4. */
  readonly partitions: readonly MbrPartition[];
}

const [tableAt, entrySize, signatureAt] = [446, 16, 440];
// "Beyond what cylinders, heads and sectors can say": every reader takes the LBA fields instead.
const beyondChs = [0xfe, 0xff, 0xff];

/** The first 512 bytes of a disk. `sector` is the disk's logical sector size: the table counts in these. RangeError if 32 bits do not reach. */
export function encodeMbr({ signature, partitions }: Mbr, sector = 512): Buffer {
  if (partitions.length > 4) throw new RangeError("a master boot record has four places");
  const block = Buffer.alloc(512);
  block.writeUInt32LE(signature, signatureAt);
  partitions.forEach((partition, n) => {
    writeEntry(block.subarray(tableAt + n * entrySize), partition, sector);
  });
  block.writeUInt16LE(0xaa55, 510);
  return block;
}

function writeEntry(entry: Buffer, { start, size, type, bootable }: MbrPartition, sector: number): void {
  entry.set([bootable ? 0x80 : 0, ...beyondChs, type, ...beyondChs]);
  entry.writeUInt32LE(wholeSectors(start, sector), 8);
  entry.writeUInt32LE(wholeSectors(size, sector), 12);
}

/** A disk's first 512 bytes with a partition more, in the first free place; undefined where all four are taken. */
export function addPartition(block: Buffer, partition: MbrPartition, sector = 512): Buffer | undefined {
  const copy = Buffer.from(block.subarray(0, 512));
  const free = entriesOf(copy).find((entry) => entry.readUInt8(4) === 0);
  if (free === undefined) return undefined;
  writeEntry(free, partition, sector);
  return copy;
}

/** A disk's first 512 bytes with the partition that starts at a place having another size. */
export function resizePartition(block: Buffer, { start, length }: Range, sector = 512): Buffer {
  const copy = Buffer.from(block.subarray(0, 512));
  const entry = entriesOf(copy).find(
    (one) => one.readUInt8(4) !== 0 && one.readUInt32LE(8) * sector === start,
  );
  entry?.writeUInt32LE(wholeSectors(length, sector), 12);
  return copy;
}

/** A disk's first 512 bytes with the entry that guards a GPT reaching to the disk's end, or as far as 32 bits do. */
export function guardWhole(block: Buffer, disk: number, sector: number): Buffer {
  const copy = Buffer.from(block.subarray(0, 512));
  // One that does not begin behind the first sector is of a hybrid table, which its maker cut by hand.
  const guard = entriesOf(copy).find((entry) => entry.readUInt8(4) === 0xee && entry.readUInt32LE(8) === 1);
  const sectors = Math.min(Math.floor(disk / sector) - 1, 0xffff_ffff);
  guard?.writeUInt32LE(sectors, 12);
  guard?.set(toChs(sectors), 5);
  return copy;
}

/** The first 512 bytes of a disk with a GPT: one entry that keeps others off (UEFI 2.10, section 5.2.3). */
export function protectiveMbr(disk: number, sector: number): Buffer {
  const whole = { start: sector, size: sector, type: 0xee, bootable: false };
  const block = encodeMbr({ signature: 0, partitions: [whole] }, sector);
  block.set(toChs(1), tableAt + 1);
  return guardWhole(block, disk, sector);
}

/** A sector as cylinder, head and sector of a disk of 255 heads with 63 sectors each (UEFI 2.10, section 5.2.3: where it can be said). */
function toChs(lba: number): readonly number[] {
  const [cylinder, rest] = [Math.floor(lba / (255 * 63)), lba % (255 * 63)];
  if (cylinder > 1023) return beyondChs;
  return [Math.floor(rest / 63), ((cylinder >> 2) & 0xc0) | ((rest % 63) + 1), cylinder & 0xff];
}

const entriesOf = (block: Buffer): Buffer[] =>
  [0, 1, 2, 3].map((n) => block.subarray(tableAt + n * entrySize, tableAt + (n + 1) * entrySize));

function wholeSectors(bytes: number, sector: number): number {
  if (bytes % sector !== 0) throw new RangeError(`${bytes} bytes are not whole sectors of ${sector}`);
  return bytes / sector;
}

/** The table of a disk's first 512 bytes; undefined when it holds none. */
export function decodeMbr(block: Buffer, sector = 512): Mbr | undefined {
  if (block.length < 512 || block.readUInt16LE(510) !== 0xaa55) return undefined;
  const entries = entriesOf(block);
  // The boot sector of a file system ends in the same two bytes. Linux tells them apart in this way, too (block/partitions/msdos.c).
  if (entries.some((entry) => ![0, 0x80].includes(entry.readUInt8(0)))) return undefined;
  const partitions = entries
    .map((entry) => ({
      start: entry.readUInt32LE(8) * sector,
      size: entry.readUInt32LE(12) * sector,
      type: entry.readUInt8(4),
      bootable: entry.readUInt8(0) === 0x80,
    }))
    .filter(({ type }) => type !== 0);
  return { signature: block.readUInt32LE(signatureAt), partitions };
}
