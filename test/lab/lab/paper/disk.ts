import { type FileHandle, open } from "node:fs/promises";

const sector = 512;
const probe = 4 * 2 ** 20;

/** An ext4 file system on a disk. */
export interface FoundRoot {
  /** Of the partition that holds it, from 1; 0 is the whole disk. */
  readonly partition: number;
  readonly uuid: string;
  readonly label: string;
}

export interface DiskLook {
  /** Bytes. */
  readonly size: number;
  readonly table: "" | "gpt" | "dos";
  readonly roots: readonly FoundRoot[];
  /** A BIOS would start what it holds: a signature, and code before it. */
  readonly bootable: boolean;
  /** No byte was ever written. */
  readonly untouched: boolean;
  /** In words, as the ramdisk tells it; empty if blank. */
  readonly holds: string;
}

/** Look at the file that a paper server has as a disk. */
export async function lookAt(path: string): Promise<DiskLook> {
  const file = await open(path);
  try {
    const { size, blocks } = await file.stat();
    const head = await read(file, 0, 34 * sector);
    const signed = head.readUInt16LE(510) === 0xaa55;
    const gpt = head.toString("latin1", sector, sector + 8) === "EFI PART";
    const table = gpt ? "gpt" : signed && starts(head, false).length > 0 ? "dos" : "";
    const roots: FoundRoot[] = [];
    for (const [partition, start] of [[0, 0] as const, ...(table === "" ? [] : starts(head, gpt))]) {
      const found = await rootAt(file, partition, start * sector);
      if (found) roots.push(found);
    }
    const bootable = signed && head.subarray(0, 440).some((byte) => byte !== 0);
    const untouched = blocks === 0;
    const words = [table, ...roots.map(wordsOf)].filter((word) => word !== "");
    const blank = words.length === 0 && (untouched || (await isBlank(file, size)));
    const holds = words.length > 0 ? words.join("; ") : blank ? "" : "unknown data";
    return { size, table, roots, bootable, untouched, holds };
  } finally {
    await file.close();
  }
}

function wordsOf({ partition, label }: FoundRoot): string {
  return `ext4${label && ` "${label}"`}${partition ? ` on sda${partition}` : ""}`;
}

/** First sectors of the partitions, by number. */
function starts(head: Buffer, gpt: boolean): readonly (readonly [number, number])[] {
  const entries = gpt
    ? Array.from({ length: 128 }, (_, n) => Number(head.readBigUInt64LE(2 * sector + n * 128 + 32)))
    : Array.from({ length: 4 }, (_, n) => head.readUInt32LE(446 + n * 16 + 8));
  return entries.map((start, index) => [index + 1, start] as const).filter(([, start]) => start > 0);
}

async function rootAt(file: FileHandle, partition: number, offset: number): Promise<FoundRoot | undefined> {
  // The superblock: magic at 0x38, UUID at 0x68, label at 0x78.
  const block = await read(file, offset + 1024, 256);
  if (block.readUInt16LE(0x38) !== 0xef53) return undefined;
  const digits = block.toString("hex", 0x68, 0x78);
  const uuid = digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  return { partition, uuid, label: block.toString("latin1", 0x78, 0x88).replace(/\0.*/s, "") };
}

async function isBlank(file: FileHandle, size: number): Promise<boolean> {
  const ends = [await read(file, 0, probe), await read(file, Math.max(0, size - probe), probe)];
  return ends.every((bytes) => bytes.every((byte) => byte === 0));
}

/** What is beyond the end reads as zeros. */
async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, position);
  return bytes;
}
