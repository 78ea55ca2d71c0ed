/**
 * As much of ELF (64 bit, little endian) as a ramdisk builder needs: the sections of a file, what a kernel module says
 * about itself, and the libraries that a program wants. Source: the System V ABI, chapters 4 and 5.
 */

const dtNull = 0n;
const dtNeeded = 1n;

/** The sections of an ELF file by name; none if it is not an ELF file of 64 bit, little endian. */
export function elfSections(file: Uint8Array): ReadonlyMap<string, Buffer> {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const found = new Map<string, Buffer>();
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46 || bytes.readUInt16BE(4) !== 0x0201)
    return found;
  const [table, size, count, names] = [
    Number(bytes.readBigUInt64LE(40)),
    bytes.readUInt16LE(58),
    bytes.readUInt16LE(60),
    bytes.readUInt16LE(62),
  ];
  const header = (index: number) => bytes.subarray(table + index * size, table + (index + 1) * size);
  const content = (section: Buffer) => {
    const start = Number(section.readBigUInt64LE(24));
    return bytes.subarray(start, start + Number(section.readBigUInt64LE(32)));
  };
  const strings = content(header(names));
  for (let index = 1; index < count; index++) {
    found.set(stringAt(strings, header(index).readUInt32LE(0)), content(header(index)));
  }
  return found;
}

/** What a kernel module says about itself: `depends`, `alias`, `firmware`, `softdep`, … each as often as it stands there. */
export function moduleInfo(file: Uint8Array): ReadonlyMap<string, readonly string[]> {
  const info = new Map<string, string[]>();
  const text = elfSections(file).get(".modinfo")?.toString("latin1") ?? "";
  for (const pair of text.split("\0")) {
    const cut = pair.indexOf("=");
    if (cut < 1) continue;
    const key = pair.slice(0, cut);
    info.set(key, [...(info.get(key) ?? []), pair.slice(cut + 1)]);
  }
  return info;
}

/** Names of the shared libraries that a program or library asks for, like `libc.so.6`. */
export function neededLibraries(file: Uint8Array): readonly string[] {
  const sections = elfSections(file);
  const [dynamic, strings] = [sections.get(".dynamic"), sections.get(".dynstr")];
  if (dynamic === undefined || strings === undefined) return [];
  const needed: string[] = [];
  for (let at = 0; at + 16 <= dynamic.length; at += 16) {
    const tag = dynamic.readBigUInt64LE(at);
    if (tag === dtNull) break;
    if (tag === dtNeeded) needed.push(stringAt(strings, Number(dynamic.readBigUInt64LE(at + 8))));
  }
  return needed;
}

function stringAt(table: Buffer, start: number): string {
  const end = table.indexOf(0, start);
  return table.toString("latin1", start, end < 0 ? table.length : end);
}
