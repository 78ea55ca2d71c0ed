import type { Compression } from "./types.ts";

/** What the first bytes of a file say it is. Names do not count. */
export type Sniffed =
  | { readonly kind: "compressed"; readonly compression: Compression }
  | { readonly kind: "qcow2" }
  | { readonly kind: "raw" }
  /** In words, to be put behind "is". */
  | { readonly kind: "foreign"; readonly what: string };

/** Enough of a file's start for every signature below. */
export const sniffLength = 64 * 1024;

type Signature = readonly [offset: number, bytes: string, what: string];

const compressions: readonly (readonly [bytes: string, compression: Compression])[] = [
  ["1f8b", "gzip"],
  ["fd377a585a00", "xz"],
  ["28b52ffd", "zstd"],
];

const text = (words: string) => Buffer.from(words, "latin1").toString("hex");

const foreign: readonly Signature[] = [
  [0, text("KDMV"), "a VMDK disk"],
  [0, text("COWD"), "a VMDK disk"],
  [0, text("# Disk DescriptorFile"), "the description of a VMDK disk"],
  [0x40, "7f10dabe", "a VDI disk"],
  [0, text("vhdxfile"), "a VHDX disk"],
  [0, text("conectix"), "a VHD disk"],
  [0, text("QED\0"), "a QED disk"],
  [0, text("WithoutFreeSpace"), "a Parallels disk"],
  [0, text("WithouFreSpacExt"), "a Parallels disk"],
  [0, text("BZh"), "compressed with bzip2"],
  [0, "04224d18", "compressed with lz4"],
  [0, text("LZIP"), "compressed with lzip"],
  [0, text("PK\x03\x04"), "a zip archive"],
  [0, text("7z\xbc\xaf\x27\x1c"), "a 7z archive"],
  [0, text("Rar!"), "a rar archive"],
  [257, text("ustar"), "a tar archive"],
  [0, text("!<arch>\n"), "a Debian package or an ar archive"],
];

/** Recognise a file by its first `sniffLength` bytes; what has no known signature is raw. */
export function sniff(head: Buffer): Sniffed {
  const at = (offset: number, hex: string) =>
    head.subarray(offset, offset + hex.length / 2).toString("hex") === hex;
  const compression = compressions.find(([bytes]) => at(0, bytes))?.[1] ?? skippable(head);
  if (compression) return { kind: "compressed", compression };
  // The same four bytes open the long dead first version of the format: the header reader tells them apart.
  if (at(0, "514649fb")) return { kind: "qcow2" };
  const what = foreign.find(([offset, bytes]) => at(offset, bytes))?.[2];
  if (what !== undefined) return { kind: "foreign", what };
  const words = head.subarray(0, 512).toString("latin1").trimStart().toLowerCase();
  if (/^(<!doctype html|<html|<\?xml)/.test(words)) {
    return { kind: "foreign", what: "a web page" };
  }
  return { kind: "raw" };
}

/** A zstd file may begin with frames to be skipped (RFC 8878, 3.1.2): magic 0x184D2A50 to 0x184D2A5F. */
function skippable(head: Buffer): Compression | undefined {
  return head.length >= 4 && (head.readUInt32LE(0) & 0xfffffff0) >>> 0 === 0x184d2a50 ? "zstd" : undefined;
}
