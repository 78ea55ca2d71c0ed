import type { FileHandle } from "node:fs/promises";

/** As much of FAT as it takes to find a boot loader on an EFI system partition: short names, no data. */

interface Volume {
  readonly file: FileHandle;
  readonly cluster: number;
  /** Where the first table, the root folder (FAT12, FAT16) and the clusters begin. */
  readonly table: number;
  readonly root: number;
  readonly rootSize: number;
  readonly data: number;
  readonly bits: 12 | 16 | 32;
  readonly rootCluster: number;
  readonly clusters: number;
}

/** Names in a folder of a FAT volume, upper case as they are stored; undefined where there is none, or no FAT. */
export async function namesIn(
  file: FileHandle,
  path: readonly string[],
): Promise<readonly string[] | undefined> {
  const volume = await openVolume(file);
  if (volume === undefined) return undefined;
  let folder = await contentOf(volume, volume.bits === 32 ? volume.rootCluster : 0);
  for (const name of path) {
    const next = entriesIn(folder).find((one) => one.name === name && one.folder);
    if (next === undefined) return undefined;
    folder = await contentOf(volume, next.cluster);
  }
  return entriesIn(folder).map(({ name }) => name);
}

// Microsoft's "FAT: General Overview of On-Disk Format", 2000: the BIOS parameter block.
async function openVolume(file: FileHandle): Promise<Volume | undefined> {
  const block = await read(file, 0, 512);
  const [sector, perCluster] = [block.readUInt16LE(11), block.readUInt8(13)];
  const jump = [0xeb, 0xe9].includes(block.readUInt8(0));
  if (!jump || block.readUInt16LE(510) !== 0xaa55 || ![512, 1024, 2048, 4096].includes(sector))
    return undefined;
  if (perCluster === 0) return undefined;
  const tableSectors = block.readUInt16LE(22) || block.readUInt32LE(36);
  const table = block.readUInt16LE(14) * sector;
  const root = table + block.readUInt8(16) * tableSectors * sector;
  const rootSize = block.readUInt16LE(17) * 32;
  const data = root + Math.ceil(rootSize / sector) * sector;
  const total = (block.readUInt16LE(19) || block.readUInt32LE(32)) * sector;
  const cluster = perCluster * sector;
  const clusters = Math.floor((total - data) / cluster);
  const bits = clusters < 4085 ? 12 : clusters < 65_525 ? 16 : 32;
  return { file, cluster, table, root, rootSize, data, bits, rootCluster: block.readUInt32LE(44), clusters };
}

/** A folder's bytes: those of its chain of clusters, or of the root's own place. */
async function contentOf(volume: Volume, first: number): Promise<Buffer> {
  const { file, root, rootSize, data, cluster, clusters } = volume;
  if (first === 0) return read(file, root, rootSize);
  const pieces: Buffer[] = [];
  // A chain that runs in a circle must not be followed for ever, and a folder is never so large.
  for (
    let at = first;
    at >= 2 && at < clusters + 2 && pieces.length < 256;
    at = await following(volume, at)
  ) {
    pieces.push(await read(file, data + (at - 2) * cluster, cluster));
  }
  return Buffer.concat(pieces);
}

async function following({ file, table, bits }: Volume, cluster: number): Promise<number> {
  if (bits === 12) {
    const pair = (await read(file, table + Math.floor(cluster * 1.5), 2)).readUInt16LE(0);
    return cluster % 2 === 0 ? pair & 0xfff : pair >> 4;
  }
  const entry = await read(file, table + cluster * (bits / 8), bits / 8);
  return bits === 16 ? entry.readUInt16LE(0) : entry.readUInt32LE(0) & 0x0fff_ffff;
}

function entriesIn(folder: Buffer) {
  const found: { name: string; folder: boolean; cluster: number }[] = [];
  for (let at = 0; at + 32 <= folder.length; at += 32) {
    const [first, attributes] = [folder.readUInt8(at), folder.readUInt8(at + 11)];
    if (first === 0) break;
    // Deleted, or a volume's label or a part of a long name.
    if (first === 0xe5 || (attributes & 0x08) !== 0) continue;
    const text = (from: number, length: number) =>
      folder.toString("latin1", at + from, at + from + length).trimEnd();
    const extension = text(8, 3);
    found.push({
      name: extension === "" ? text(0, 8) : `${text(0, 8)}.${extension}`,
      folder: (attributes & 0x10) !== 0,
      cluster: folder.readUInt16LE(at + 26) + folder.readUInt16LE(at + 20) * 65_536,
    });
  }
  return found;
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, at);
  return bytes;
}
