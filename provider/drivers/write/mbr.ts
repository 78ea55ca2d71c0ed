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
  partitions.forEach(({ start, size, type, bootable }, n) => {
    const entry = block.subarray(tableAt + n * entrySize);
    entry.set([bootable ? 0x80 : 0, ...beyondChs, type, ...beyondChs]);
    entry.writeUInt32LE(wholeSectors(start, sector), 8);
    entry.writeUInt32LE(wholeSectors(size, sector), 12);
  });
  block.writeUInt16LE(0xaa55, 510);
  return block;
}

function wholeSectors(bytes: number, sector: number): number {
  if (bytes % sector !== 0) throw new RangeError(`${bytes} bytes are not whole sectors of ${sector}`);
  return bytes / sector;
}

/** The table of a disk's first 512 bytes; undefined when it holds none. */
export function decodeMbr(block: Buffer, sector = 512): Mbr | undefined {
  if (block.length < 512 || block.readUInt16LE(510) !== 0xaa55) return undefined;
  const entries = [0, 1, 2, 3].map((n) =>
    block.subarray(tableAt + n * entrySize, tableAt + (n + 1) * entrySize),
  );
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
