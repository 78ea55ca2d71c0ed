/**
 * The archive that Linux unpacks as its first root file system: cpio, "newc" layout.
 * Source: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst. Each member is
 *
 *     070701 | 13 numbers of 8 hex digits | path NUL | pad to 4 | content | pad to 4
 *
 * and a member called TRAILER!!! ends it. Owner is always root and the time is always 0, so that the same
 * members give the same bytes.
 */
export type CpioEntry =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: "link"; readonly path: string; readonly target: string }
  /** A character device. */
  | {
      readonly kind: "device";
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

const magic = "070701";
const headerSize = 110;
const trailer = "TRAILER!!!";
const typeOf = { directory: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const;
const typeMask = 0o170000;

/** An archive of these members, in this order: a directory has to come before what lies in it. */
export function encodeCpio(entries: readonly CpioEntry[]): Buffer {
  const pieces: Uint8Array[] = [];
  entries.forEach((entry, index) => {
    pieces.push(...member(entry, index + 1));
  });
  pieces.push(...member({ kind: "file", path: trailer, mode: 0, content: new Uint8Array() }, 0));
  return Buffer.concat(pieces);
}

function member(entry: CpioEntry, inode: number): Uint8Array[] {
  const name = Buffer.from(`${entry.path}\0`);
  const content = contentOf(entry);
  const device = entry.kind === "device" ? [entry.major, entry.minor] : [0, 0];
  const end = entry.path === trailer;
  const mode = end ? 0 : typeOf[entry.kind] | (entry.kind === "link" ? 0o777 : entry.mode);
  const links = entry.kind === "directory" ? 2 : 1;
  const numbers = [inode, mode, 0, 0, links, 0, content.length, 0, 0, ...device, name.length, 0];
  const header = magic + numbers.map((number) => number.toString(16).padStart(8, "0")).join("");
  return [Buffer.from(header), name, padding(headerSize + name.length), content, padding(content.length)];
}

function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === "file") return entry.content;
  return entry.kind === "link" ? Buffer.from(entry.target) : new Uint8Array();
}

function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3);
}

/** The members of an archive. Throws a TypeError if it is not one, or ends before its trailer. */
export function decodeCpio(archive: Uint8Array): CpioEntry[] {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const entries: CpioEntry[] = [];
  for (let at = 0; ; ) {
    if (bytes.toString("latin1", at, at + magic.length) !== magic) {
      throw new TypeError(`not a newc archive at byte ${at}`);
    }
    const number = (index: number) => {
      const from = at + magic.length + index * 8;
      return Number.parseInt(bytes.toString("latin1", from, from + 8), 16);
    };
    const [mode, size, nameSize] = [number(1), number(6), number(11)];
    const nameEnd = at + headerSize + nameSize - 1;
    const path = bytes.toString("utf8", at + headerSize, nameEnd);
    const start = at + align(headerSize + nameSize);
    if (path === trailer) return entries;
    entries.push(toEntry(path, mode, bytes.subarray(start, start + size), [number(9), number(10)]));
    at = start + align(size);
  }
}

function align(length: number): number {
  return (length + 3) & ~3;
}

function toEntry(path: string, bits: number, content: Buffer, [major, minor]: [number, number]): CpioEntry {
  const mode = bits & 0o7777;
  switch (bits & typeMask) {
    case typeOf.directory:
      return { kind: "directory", path, mode };
    case typeOf.file:
      return { kind: "file", path, mode, content: Uint8Array.from(content) };
    case typeOf.link:
      return { kind: "link", path, target: content.toString() };
    case typeOf.device:
      return { kind: "device", path, mode, major, minor };
    default:
      throw new TypeError(`${path}: no such kind of member: ${bits.toString(8)}`);
  }
}
