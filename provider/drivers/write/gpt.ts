import { crc32 } from "node:zlib";
import { endOf, type Range } from "./ranges.ts";
import { readGuid, writeGuid } from "./uuid.ts";

/** A GUID partition table as its primary copy tells it. Offsets: UEFI Specification 2.10, section 5.3. */
export interface Gpt {
  /** The disk's logical sector size: the table counts in these. */
  readonly sector: number;
  /** The header's own bytes, without the padding of its sector. What we do not know of it stays as it was found. */
  readonly header: Buffer;
  /** All places for partitions, used and free. */
  readonly entries: Buffer;
  readonly entrySize: number;
}

export interface GptPartition extends Range {
  /** What it is for, as a GUID in lower-case text. */
  readonly type: string;
  /** Its own GUID. */
  readonly uuid: string;
  /** At most 36 characters. */
  readonly name: string;
}

/** Bytes for a place on a disk. */
export interface Patch {
  readonly at: number;
  readonly bytes: Buffer;
}

const signature = "EFI PART";
const [sizeAt, crcAt, ownAt, otherAt, firstAt, lastAt] = [12, 16, 24, 32, 40, 48];
const [diskAt, entriesAt, countAt, entrySizeAt, entriesCrcAt] = [56, 72, 80, 84, 88];
const [typeAt, uuidAt, startAt, endAt, nameAt] = [0, 16, 32, 40, 56];
const smallest = 92;

/** The table in the first bytes of a disk; undefined where there is none, or one whose checksums do not agree. */
export function decodeGpt(head: Buffer, sector: number): Gpt | undefined {
  if (head.length < 2 * sector || head.toString("latin1", sector, sector + 8) !== signature) return undefined;
  const size = head.readUInt32LE(sector + sizeAt);
  if (size < smallest || size > sector) return undefined;
  const header = Buffer.from(head.subarray(sector, sector + size));
  if (headerCrc(header) !== header.readUInt32LE(crcAt)) return undefined;
  const entrySize = header.readUInt32LE(entrySizeAt);
  const start = lba(header, entriesAt) * sector;
  const entries = Buffer.from(head.subarray(start, start + header.readUInt32LE(countAt) * entrySize));
  const whole = entries.length === header.readUInt32LE(countAt) * entrySize && entrySize >= 128;
  if (!whole || crc32(entries) !== header.readUInt32LE(entriesCrcAt)) return undefined;
  return { sector, header, entries, entrySize };
}

const lba = (header: Buffer, at: number): number => Number(header.readBigUInt64LE(at));

function headerCrc(header: Buffer): number {
  const bare = Buffer.from(header);
  bare.writeUInt32LE(0, crcAt);
  return crc32(bare);
}

const places = ({ entries, entrySize }: Gpt): Buffer[] =>
  Array.from({ length: entries.length / entrySize }, (_, n) =>
    entries.subarray(n * entrySize, (n + 1) * entrySize),
  );
const isFree = (entry: Buffer) => entry.subarray(typeAt, typeAt + 16).every((byte) => byte === 0);

/** The partitions, in the order of their places. */
export function gptPartitions(gpt: Gpt): readonly GptPartition[] {
  const { sector } = gpt;
  return places(gpt)
    .filter((entry) => !isFree(entry))
    .map((entry) => {
      const start = lba(entry, startAt) * sector;
      return {
        start,
        length: (lba(entry, endAt) + 1) * sector - start,
        type: readGuid(entry, typeAt),
        uuid: readGuid(entry, uuidAt),
        name: entry.toString("utf16le", nameAt, nameAt + 72).replace(/\0.*$/s, ""),
      };
    });
}

/** The table with a partition more, in its first free place; undefined where none is free. */
export function withPartition(gpt: Gpt, { start, length, type, uuid, name }: GptPartition): Gpt | undefined {
  const entries = Buffer.from(gpt.entries);
  const entry = places({ ...gpt, entries }).find(isFree);
  if (entry === undefined) return undefined;
  entry.fill(0);
  writeGuid(entry, typeAt, type);
  writeGuid(entry, uuidAt, uuid);
  entry.writeBigUInt64LE(BigInt(start / gpt.sector), startAt);
  entry.writeBigUInt64LE(BigInt((start + length) / gpt.sector - 1), endAt);
  entry.write(name.slice(0, 36), nameAt, "utf16le");
  return { ...gpt, entries };
}

/** The table with the partition that starts at a place ending at another one. */
export function withEnd(gpt: Gpt, { start, length }: Range): Gpt {
  const entries = Buffer.from(gpt.entries);
  const entry = places({ ...gpt, entries }).find(
    (one) => !isFree(one) && lba(one, startAt) * gpt.sector === start,
  );
  entry?.writeBigUInt64LE(BigInt((start + length) / gpt.sector - 1), endAt);
  return { ...gpt, entries };
}

/** A table without a partition for a disk of that GUID, of as many places as everybody makes; where its copies lie layGpt says. */
export function emptyGpt(sector: number, disk: string, count = 128): Gpt {
  const entrySize = 128;
  const header = Buffer.alloc(smallest);
  header.write(signature, "latin1");
  // Revision 1.0.
  header.writeUInt32LE(0x0001_0000, 8);
  header.writeUInt32LE(smallest, sizeAt);
  header.writeBigUInt64LE(BigInt(2 + Math.ceil((entrySize * count) / sector)), firstAt);
  writeGuid(header, diskAt, disk);
  header.writeBigUInt64LE(2n, entriesAt);
  header.writeUInt32LE(count, countAt);
  header.writeUInt32LE(entrySize, entrySizeAt);
  return { sector, header, entries: Buffer.alloc(entrySize * count), entrySize };
}

/** Sectors that a copy of the entries takes. */
const entrySectors = ({ entries, sector }: Gpt): number => Math.ceil(entries.length / sector);

/** Where partitions may lie on a disk of a size: behind the first copy of the table, before the second one. */
export function usable(gpt: Gpt, disk: number): Range {
  const { sector, header } = gpt;
  const start = lba(header, firstAt) * sector;
  const end = (Math.floor(disk / sector) - 1 - entrySectors(gpt)) * sector;
  return { start, length: Math.max(0, end - start) };
}

/** Where the second copy's header lies by what the first one says: for the image's size, not for the disk's. */
export const backupAt = ({ sector, header }: Gpt): number => lba(header, otherAt) * sector;

/** Both copies of the table for a disk of a size, the second at its very end, where firmware looks for it. */
export function layGpt(gpt: Gpt, disk: number): readonly Patch[] {
  const { sector, entries } = gpt;
  const last = Math.floor(disk / sector) - 1;
  const own = lba(gpt.header, entriesAt);
  const copy = last - entrySectors(gpt);
  const lastUsable = endOf(usable(gpt, disk)) / sector - 1;
  const header = (at: number, other: number, entriesStart: number) => {
    const block = Buffer.alloc(sector);
    const bytes = Buffer.from(gpt.header);
    const put = (offset: number, value: number) => void bytes.writeBigUInt64LE(BigInt(value), offset);
    put(ownAt, at);
    put(otherAt, other);
    put(lastAt, lastUsable);
    put(entriesAt, entriesStart);
    bytes.writeUInt32LE(crc32(entries), entriesCrcAt);
    bytes.writeUInt32LE(headerCrc(bytes), crcAt);
    block.set(bytes);
    return block;
  };
  return [
    { at: copy * sector, bytes: Buffer.concat([entries], entrySectors(gpt) * sector) },
    { at: last * sector, bytes: header(last, 1, copy) },
    { at: own * sector, bytes: entries },
    { at: sector, bytes: header(1, last, own) },
  ];
}
