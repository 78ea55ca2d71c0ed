import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import type { Context } from "../../kernel/context.ts";

/** A CD that UEFI starts from. */
export interface IsoImage {
  /** At most 32 letters, digits and underscores. */
  readonly label: string;
  /** A FAT volume with `EFI/BOOT/BOOTX64.EFI`; less than 32 MiB. */
  readonly efi: Buffer;
  readonly files: readonly IsoFile[];
}

export interface IsoFile {
  /** `EFI/BOOT/GRUB.CFG`: eight and three capital letters or digits, what every reader of ISO 9660 knows. */
  readonly name: string;
  /** What is in it, or where on this host that lies. */
  readonly content: Buffer | string;
}

/*
 * ISO 9660 (ECMA-119) with folders of one sector, and "El Torito" 1.0 with one entry for UEFI (specification 2.10, section 13.3.2): written
 * here because it is a few tables, and no host needs xorriso for it.
 */
const sector = 2_048;
const [descriptorAt, catalogAt, littleTableAt, bigTableAt, rootAt] = [16, 19, 20, 21, 22];

/** Write it whole or not at all. RangeError where a name or a size is none that it can hold. */
export async function writeIso(ctx: Context, path: string, image: IsoImage): Promise<void> {
  const sizes = await Promise.all(image.files.map(sizeOf));
  const placed = place(image, sizes);
  const draft = `${path}.tmp`;
  const file = await open(draft, "w", 0o644);
  try {
    await file.write(headOf(image, placed));
    for (const [n, { content }] of image.files.entries()) {
      ctx.signal.throwIfAborted();
      const pieces = Buffer.isBuffer(content)
        ? [content]
        : createReadStream(content, { end: (sizes[n] ?? 1) - 1 });
      for await (const piece of pieces) await file.write(piece as Buffer);
      await file.write(Buffer.alloc(rounded(sizes[n] ?? 0) - (sizes[n] ?? 0)));
    }
    await file.sync();
    await file.close();
    await rename(draft, path);
  } finally {
    await file.close().catch(() => {});
    await rm(draft, { force: true });
  }
}

const sizeOf = async ({ content }: IsoFile) =>
  Buffer.isBuffer(content) ? content.length : (await stat(content)).size;
const rounded = (bytes: number) => Math.ceil(bytes / sector) * sector;

interface Placed {
  readonly path: string;
  readonly at: number;
  readonly size: number;
}

/** Where all lies; the root folder is the one without a name. */
interface Layout {
  readonly folders: readonly Placed[];
  readonly files: readonly Placed[];
  readonly efiAt: number;
  readonly sectors: number;
}

function place({ efi, files }: IsoImage, sizes: readonly number[]): Layout {
  const above = files.flatMap(({ name }) =>
    name.split("/").map((_, n, parts) => parts.slice(0, n).join("/")),
  );
  const depth = (path: string) => (path === "" ? 0 : path.split("/").length);
  // As the path tables want them: those above before those below, then by name.
  const paths = [...new Set(["", ...above])].sort((one, other) =>
    depth(one) === depth(other) ? (one < other ? -1 : 1) : depth(one) - depth(other),
  );
  const folders = paths.map((path, n) => ({ path, at: rootAt + n, size: sector }));
  const efiAt = rootAt + folders.length;
  let next = efiAt + rounded(efi.length) / sector;
  const placed = files.map(({ name: path }, n): Placed => {
    const [size = 0, at] = [sizes[n], next];
    const named = path.split("/").every((part) => /^[A-Z0-9_]{1,8}(\.[A-Z0-9_]{1,3})?$/.test(part));
    if (!named || size >= 2 ** 32)
      throw new RangeError(`${path} with ${size} bytes is none that ISO 9660 can hold`);
    next += rounded(size) / sector;
    return { path, at, size };
  });
  return { folders, files: placed, efiAt, sectors: next };
}

/** All that lies before the files. */
function headOf({ label, efi }: IsoImage, layout: Layout): Buffer {
  const { folders, efiAt } = layout;
  const head = Buffer.alloc((efiAt + rounded(efi.length) / sector) * sector);
  const put = (at: number, bytes: Buffer) => head.set(bytes, at * sector);
  put(descriptorAt, primary(label, layout));
  put(descriptorAt + 1, bootRecord());
  put(descriptorAt + 2, Buffer.from("\xffCD001\x01", "latin1"));
  put(catalogAt, catalog(efi.length, efiAt));
  put(littleTableAt, pathTable(folders, "LE"));
  put(bigTableAt, pathTable(folders, "BE"));
  for (const folder of folders) put(folder.at, folderOf(folder, layout));
  put(efiAt, efi);
  return head;
}

const parentOf = (path: string) => path.split("/").slice(0, -1).join("/");
const lastOf = (path: string) => path.split("/").at(-1) ?? "";

/** Its records: itself, the one above it, and what is in it, by name. */
function folderOf({ path, at }: Placed, { folders, files }: Layout): Buffer {
  const up = folders.find((one) => one.path === parentOf(path))?.at ?? at;
  const below = folders.filter((one) => one.path !== "" && parentOf(one.path) === path);
  const inside = [
    ...below.map((one) => ({ ...one, name: lastOf(one.path), flags: isFolder })),
    ...files
      .filter((one) => parentOf(one.path) === path)
      .map((one) => ({ ...one, name: `${lastOf(one.path)};1`, flags: 0 })),
  ].sort((one, other) => (one.name < other.name ? -1 : 1));
  const records = inside.map((one) => record(Buffer.from(one.name, "latin1"), one.at, one.size, one.flags));
  const all = Buffer.concat([
    record(Buffer.from([0]), at, sector, isFolder),
    record(Buffer.from([1]), up, sector, isFolder),
    ...records,
  ]);
  if (all.length > sector) throw new RangeError("too many files for one folder");
  return all;
}

const both16 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(value, 0);
  bytes.writeUInt16BE(value, 2);
  return bytes;
};

const both32 = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
};

const isFolder = 2;
/** 1 January 1980, as in the FAT beside it: the same files give the same bytes. */
const day = Buffer.from([80, 1, 1, 0, 0, 0, 0]);
const text = (words: string, length: number) => Buffer.from(words.padEnd(length).slice(0, length), "latin1");

function record(name: Buffer, at: number, size: number, flags: number): Buffer {
  const length = 33 + name.length + (name.length % 2 === 0 ? 1 : 0);
  const bytes = Buffer.alloc(length);
  bytes.writeUInt8(length, 0);
  bytes.set(both32(at), 2);
  bytes.set(both32(size), 10);
  bytes.set(day, 18);
  bytes.writeUInt8(flags, 25);
  bytes.set(both16(1), 28);
  bytes.writeUInt8(name.length, 32);
  bytes.set(name, 33);
  return bytes;
}

function primary(label: string, { folders, sectors }: Layout): Buffer {
  if (!/^[A-Z0-9_]{1,32}$/.test(label)) throw new RangeError(`${label} is no label of ISO 9660`);
  const bytes = Buffer.alloc(sector);
  bytes.set(Buffer.from("\x01CD001\x01", "latin1"), 0);
  bytes.set(text("", 32), 8);
  bytes.set(text(label, 32), 40);
  bytes.set(both32(sectors), 80);
  for (const at of [120, 124]) bytes.set(both16(1), at);
  bytes.set(both16(sector), 128);
  bytes.set(both32(pathTable(folders, "LE").length), 132);
  bytes.writeUInt32LE(littleTableAt, 140);
  bytes.writeUInt32BE(bigTableAt, 148);
  bytes.set(record(Buffer.from([0]), rootAt, sector, isFolder), 156);
  for (const [at, length] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 111],
  ] as const)
    bytes.set(text("", length), at);
  for (const at of [813, 830, 847, 864]) bytes.set(Buffer.from("0000000000000000\0", "latin1"), at);
  bytes.writeUInt8(1, 881);
  return bytes;
}

function bootRecord(): Buffer {
  const bytes = Buffer.alloc(sector);
  bytes.set(Buffer.from("\0CD001\x01EL TORITO SPECIFICATION", "latin1"), 0);
  bytes.writeUInt32LE(catalogAt, 71);
  return bytes;
}

const efiPlatform = 0xef;

function catalog(size: number, efiAt: number): Buffer {
  if (size >= 65_536 * 512)
    throw new RangeError(`a boot image of ${size} bytes is more than 16 bits can count`);
  const bytes = Buffer.alloc(sector);
  bytes.writeUInt8(1, 0);
  bytes.writeUInt8(efiPlatform, 1);
  bytes.writeUInt16LE(0xaa55, 30);
  // All words of the entry add up to nothing.
  let sum = 0;
  for (let at = 0; at < 32; at += 2) sum += bytes.readUInt16LE(at);
  bytes.writeUInt16LE((0x10000 - (sum & 0xffff)) & 0xffff, 28);
  bytes.writeUInt8(0x88, 32); // bootable, not emulating a floppy disk
  bytes.writeUInt16LE(Math.ceil(size / 512), 38);
  bytes.writeUInt32LE(efiAt, 40);
  return bytes;
}

function pathTable(folders: readonly Placed[], order: "LE" | "BE"): Buffer {
  const entries = folders.map(({ path, at }) => {
    const name = path === "" ? Buffer.from([0]) : Buffer.from(lastOf(path), "latin1");
    const above = folders.findIndex((one) => one.path === parentOf(path)) + 1;
    const bytes = Buffer.alloc(8 + name.length + (name.length % 2));
    bytes.writeUInt8(name.length, 0);
    bytes.set(name, 8);
    if (order === "LE") bytes.writeUInt32LE(at, 2);
    else bytes.writeUInt32BE(at, 2);
    if (order === "LE") bytes.writeUInt16LE(above, 6);
    else bytes.writeUInt16BE(above, 6);
    return bytes;
  });
  return Buffer.concat(entries);
}
