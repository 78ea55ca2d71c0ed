export interface FatFile {
  /** Shown as it is written here; at most 26 characters. */
  readonly name: string;
  readonly content: Buffer;
}

interface FatFolder {
  readonly name: string;
  readonly files: readonly (FatFile | FatFolder)[];
}

export interface FatVolume {
  /** At most 11 characters. */
  readonly label: string;
  readonly files: readonly (FatFile | FatFolder)[];
  /** Bytes of the whole; fewer than 65536 sectors. */
  readonly size: number;
  /** Linux mounts none whose sectors are smaller than the disk's. */
  readonly sector?: number;
}

/*
 * FAT12, the oldest of the family and enough for a few MiB: written here because that takes fewer lines than asking for
 * mkfs.vfat and mtools on every host, and no mount, no root and no file. Offsets: "Microsoft Extensible Firmware Initiative
 * FAT32 File System Specification" 1.03, which describes all three.
 */
const [rootEntries, entrySize, copies, firstCluster] = [128, 32, 2, 2];
const mostClusters = 4084;
const endOfChain = 0xfff;
const [labelAttribute, folderAttribute, fileAttribute, longAttribute] = [0x08, 0x10, 0x20, 0x0f];
/** 1 January 1980, the first day that FAT knows: the same files give the same bytes. */
const day = 0x0021;

/** The bytes of a small file system with some files. RangeError if they do not fit. */
export function encodeFat({ label, files, size, sector = 512 }: FatVolume): Buffer {
  const shape = shapeOf(size, sector);
  const { cluster, fatSectors, rootAt, dataAt, clusters } = shape;
  const volume = Buffer.alloc(size);
  volume.set(bootSector(label, size / sector, sector, shape));
  const fat = Buffer.alloc(fatSectors * sector);
  setLink(fat, 0, 0xff8);
  setLink(fat, 1, endOfChain);
  let next = firstCluster;
  const take = (content: Buffer): number => {
    const taken = Math.ceil(content.length / cluster);
    if (next + taken > firstCluster + clusters) throw new RangeError("the files do not fit the volume");
    for (let k = 0; k < taken; k++) setLink(fat, next + k, k === taken - 1 ? endOfChain : next + k + 1);
    volume.set(content, dataAt + (next - firstCluster) * cluster);
    next += taken;
    return taken === 0 ? 0 : next - taken;
  };
  const entriesOf = (some: FatFolder["files"], own: number): Buffer[] =>
    some.flatMap((one, n) => {
      const { name } = one;
      if ("content" in one) return fileEntries(name, n + 1, take(one.content), one.content.length);
      const folder = take(Buffer.alloc(cluster));
      const inside = [
        ...[entryOf(".", folderAttribute, folder, 0), entryOf("..", folderAttribute, own, 0)],
        ...entriesOf(one.files, folder),
      ];
      if (inside.length * entrySize > cluster) throw new RangeError(`too many files in ${name}`);
      volume.set(Buffer.concat(inside), dataAt + (folder - firstCluster) * cluster);
      return fileEntries(name, n + 1, folder, 0, folderAttribute);
    });
  const entries = [labelEntry(label), ...entriesOf(files, 0)];
  if (entries.length > rootEntries) throw new RangeError("the files do not fit the root folder");
  volume.set(Buffer.concat(entries), rootAt);
  for (let n = 0; n < copies; n++) volume.set(fat, (1 + n * fatSectors) * sector);
  return volume;
}

function shapeOf(size: number, sector: number) {
  const sectors = size / sector;
  if (!Number.isInteger(sectors) || sectors > 65_535)
    throw new RangeError(`${size} bytes are no whole sectors of ${sector} that 16 bits can count`);
  let perCluster = 1;
  while (sectors / perCluster > mostClusters) perCluster *= 2;
  const fatSectors = Math.ceil(((sectors / perCluster + firstCluster) * 1.5) / sector);
  const rootAt = (1 + copies * fatSectors) * sector;
  const dataAt = rootAt + rootEntries * entrySize;
  const cluster = perCluster * sector;
  return { cluster, perCluster, fatSectors, rootAt, dataAt, clusters: Math.floor((size - dataAt) / cluster) };
}

function bootSector(
  label: string,
  sectors: number,
  sector: number,
  { perCluster, fatSectors }: ReturnType<typeof shapeOf>,
): Buffer {
  const boot = Buffer.alloc(512);
  boot.set([0xeb, 0x3c, 0x90]);
  boot.write("BAREMETL", 3, "latin1");
  boot.writeUInt16LE(sector, 11);
  boot.writeUInt8(perCluster, 13);
  boot.writeUInt16LE(1, 14);
  boot.writeUInt8(copies, 16);
  boot.writeUInt16LE(rootEntries, 17);
  boot.writeUInt16LE(sectors, 19);
  boot.writeUInt8(0xf8, 21);
  boot.writeUInt16LE(fatSectors, 22);
  // A geometry that nobody asks any more, and tools check all the same.
  boot.writeUInt16LE(32, 24);
  boot.writeUInt16LE(64, 26);
  boot.set([0x80, 0, 0x29], 36);
  boot.writeUInt32LE(0x63_69_64_61, 39);
  boot.write(padded(label, 11), 43, "latin1");
  boot.write("FAT12   ", 54, "latin1");
  boot.writeUInt16LE(0xaa55, 510);
  return boot;
}

const padded = (text: string, length: number) => text.slice(0, length).padEnd(length);

/** Links are of 12 bits: two of them share the middle one of three bytes. */
function setLink(fat: Buffer, cluster: number, value: number): void {
  const at = Math.floor(cluster * 1.5);
  const old = fat.readUInt16LE(at);
  fat.writeUInt16LE(cluster % 2 === 0 ? (old & 0xf000) | value : (old & 0x000f) | (value << 4), at);
}

function entryOf(name: string, attribute: number, cluster: number, size: number): Buffer {
  const entry = Buffer.alloc(entrySize);
  entry.write(padded(name, 11), 0, "latin1");
  entry.writeUInt8(attribute, 11);
  for (const at of [16, 18, 24]) entry.writeUInt16LE(day, at);
  entry.writeUInt16LE(cluster, 26);
  entry.writeUInt32LE(size, 28);
  return entry;
}

// In small letters, as `cloud-localds` writes it: old releases of cloud-init look for "cidata" as it stands here.
const labelEntry = (label: string) => entryOf(label, labelAttribute, 0, 0);

/** The name as it is meant, in pieces of 13 characters, last piece first; and then the short one that DOS would see. */
function fileEntries(
  name: string,
  number: number,
  cluster: number,
  size: number,
  attribute = fileAttribute,
): Buffer[] {
  // Firmware need not know the long ones.
  const [, base, extension = ""] = /^([A-Z0-9]{1,8})(?:\.([A-Z0-9]{1,3}))?$/.exec(name) ?? [];
  if (base !== undefined) return [entryOf(`${padded(base, 8)}${extension}`, attribute, cluster, size)];
  if (name.length > 26) throw new RangeError(`the name ${name} is longer than 26 characters`);
  const short = `${padded(name.toUpperCase().replace(/[^A-Z0-9-]/g, ""), 6).trimEnd()}~${number}`;
  const sum = checksum(padded(short, 11));
  const pieces = Math.ceil(name.length / 13);
  const long = Array.from({ length: pieces }, (_, n) => {
    const entry = Buffer.alloc(entrySize);
    entry.writeUInt8(n + 1 === pieces ? 0x40 | (n + 1) : n + 1, 0);
    entry.writeUInt8(longAttribute, 11);
    entry.writeUInt8(sum, 13);
    for (const [k, at] of longNameAt.entries()) {
      const index = n * 13 + k;
      const past = index > name.length ? 0xffff : 0;
      entry.writeUInt16LE(index < name.length ? name.charCodeAt(index) : past, at);
    }
    return entry;
  });
  return [...long.reverse(), entryOf(short, attribute, cluster, size)];
}

/** Where the 13 characters of a piece of a long name lie. */
const longNameAt = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

const checksum = (short: string): number =>
  [...Buffer.from(short, "latin1")].reduce((sum, byte) => (((sum & 1) << 7) + (sum >> 1) + byte) & 0xff, 0);
