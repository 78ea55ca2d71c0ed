import type { FileHandle } from "node:fs/promises";
import { incompatibleBits, type Qcow2Header } from "./qcow2.ts";

/**
 * Whether everything a qcow2 header and its tables point at lies inside the file: a copy that was cut short is noticed
 * without a checksum. Answers what is missing, in words, or undefined.
 */
export async function missingOfQcow2(
  signal: AbortSignal,
  file: FileHandle,
  header: Qcow2Header,
  length: number,
): Promise<string | undefined> {
  const clusterSize = 2 ** header.clusterBits;
  if (header.refcountOffset + header.refcountClusters * clusterSize > length) return beyond(length);
  if (header.l1Offset + header.l1Entries * 8 > length) return beyond(length);
  const table = Buffer.alloc(clusterSize);
  const l1 = Buffer.alloc(64 * 1024);
  for (let entry = 0; entry < header.l1Entries; ) {
    signal.throwIfAborted();
    const count = Math.min(header.l1Entries - entry, l1.length / 8);
    await file.read(l1, 0, count * 8, header.l1Offset + entry * 8);
    for (let i = 0; i < count; i++) {
      const offset = hostOffset(l1, i * 8);
      if (offset === 0) continue;
      signal.throwIfAborted();
      if (offset + clusterSize > length) return beyond(length);
      await file.read(table, 0, clusterSize, offset);
      if (endOfTable(table, header) - length >= clusterSize) return beyond(length);
    }
    entry += count;
  }
  return undefined;
}

const beyond = (length: number) => `its tables point behind its end at ${length} bytes`;

/** Where the last cluster of an L2 table ends. QEMU leaves the file's very last cluster incomplete, so the caller allows for one. */
function endOfTable(table: Buffer, { clusterBits, incompatible }: Qcow2Header): number {
  const step = incompatible & incompatibleBits.extendedL2 ? 16 : 8;
  let end = 0;
  for (let at = 0; at < table.length; at += step) {
    const compressed = (table.readUInt8(at) & 0x40) !== 0;
    const last = compressed ? compressedEnd(table, at, clusterBits) : hostOffset(table, at);
    if (last > 0) end = Math.max(end, compressed ? last : last + 2 ** clusterBits);
  }
  return end;
}

/** Bits 9 to 55 of an entry. Beyond 2^53 the number is no longer exact, and far beyond any file. */
function hostOffset(table: Buffer, at: number): number {
  const [high, low] = [table.readUInt32BE(at) & 0x00ffffff, table.readUInt32BE(at + 4)];
  return high * 2 ** 32 + (low - (low % 512));
}

/** A compressed cluster: offset in the low bits, and above it the number of further 512-byte sectors. */
function compressedEnd(table: Buffer, at: number, clusterBits: number): number {
  const entry = table.readBigUInt64BE(at) & ((1n << 62n) - 1n);
  const split = BigInt(62 - (clusterBits - 8));
  const offset = Number(entry & ((1n << split) - 1n));
  return offset - (offset % 512) + (Number(entry >> split) + 1) * 512;
}

/**
 * Whether the partitions or the file system that a raw image describes fit into it. Answers what is missing, in words,
 * or undefined; an image that describes nothing is taken as it is.
 */
export function missingOfRaw(head: Buffer, length: number): string | undefined {
  if (length % 512 !== 0) return `${length} bytes are not a whole number of sectors`;
  const needed = endOfGpt(head) || endOfExt(head);
  return needed > length ? `it describes ${needed} bytes and has ${length}` : undefined;
}

/** UEFI specification 5.3: header in the second sector, entries behind it; the end of the last partition. */
function endOfGpt(head: Buffer): number {
  const sector = [512, 4096].find((size) => head.toString("latin1", size, size + 8) === "EFI PART");
  if (sector === undefined) return 0;
  const start = Number(head.readBigUInt64LE(sector + 72)) * sector;
  const [count, size] = [Math.min(head.readUInt32LE(sector + 80), 128), head.readUInt32LE(sector + 84)];
  let end = 0;
  for (let at = start; size >= 128 && at < start + count * size && at + 48 <= head.length; at += size) {
    if (head.readBigUInt64LE(at) === 0n && head.readBigUInt64LE(at + 8) === 0n) continue;
    end = Math.max(end, (Number(head.readBigUInt64LE(at + 40)) + 1) * sector);
  }
  return end;
}

/** Linux Documentation/filesystems/ext4: superblock at 1024, magic 0xEF53 at 0x38, block count at 0x4 and 0x150. */
function endOfExt(head: Buffer): number {
  if (head.length < 2048 || head.readUInt16LE(1024 + 0x38) !== 0xef53) return 0;
  const is64 = (head.readUInt32LE(1024 + 0x60) & 0x80) !== 0;
  const logBlock = head.readUInt32LE(1024 + 0x18);
  if (logBlock > 6) return 0;
  const blocks = head.readUInt32LE(1024 + 4) + (is64 ? head.readUInt32LE(1024 + 0x150) * 2 ** 32 : 0);
  return blocks * 1024 * 2 ** logBlock;
}
