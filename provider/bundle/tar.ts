import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { bundleErrors } from "./errors.ts";

/** Just so much of POSIX's ustar as a bundle takes: regular files, the same bytes for the same files. */

const block = 512;

/** The head of a file: no owner, no time, so that nothing but content and name decides the archive. */
export function encodeHead(path: string, size: number, executable: boolean): Buffer {
  const head = Buffer.alloc(block);
  const [prefix, name] = splitPath(path);
  const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, "0")}\0`;
  head.write(name, 0, "utf8");
  head.write(octal(executable ? 0o755 : 0o644, 7), 100);
  head.write(octal(0, 7) + octal(0, 7) + octal(size, 11) + octal(0, 11), 108);
  head.write("        0", 148);
  head.write("ustar\x0000", 257);
  head.write(prefix, 345, "utf8");
  head.write(`${octal(sumOf(head), 6)} `, 148);
  return head;
}

/** Zeros up to the next block, and at the end of an archive two blocks of them. */
export const padding = (size: number): Buffer => Buffer.alloc((block - (size % block)) % block);
export const archiveEnd = (): Buffer => Buffer.alloc(2 * block);

function splitPath(path: string): readonly [prefix: string, name: string] {
  if (Buffer.byteLength(path) <= 100) return ["", path];
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (Buffer.byteLength(prefix) <= 155 && Buffer.byteLength(name) <= 100) return [prefix, name];
  }
  throw new RangeError(`${path} is too long for a bundle`);
}

const sumOf = (head: Buffer) => head.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);

/** A file in an archive, and where its bytes lie. */
export interface Entry {
  readonly path: string;
  readonly start: number;
  readonly size: number;
}

/** Everything that an archive holds. BUNDLE_UNREADABLE for one that is cut off, or holds what no bundle does. */
export async function readEntries(file: string): Promise<readonly Entry[]> {
  const bad = (reason: string, cause?: unknown) =>
    bundleErrors.make("BUNDLE_UNREADABLE", { file, reason }, { cause });
  const archive = await open(file, "r").catch((error: NodeJS.ErrnoException) => {
    throw bad(error.code === "ENOENT" ? "there is no such file" : error.message, error);
  });
  try {
    const { size: whole } = await archive.stat();
    const entries: Entry[] = [];
    for (let at = 0; ; ) {
      const head = await headAt(archive, at);
      if (head === undefined) throw bad("it is cut off");
      if (head.every((byte) => byte === 0)) return entries;
      const entry = decodeHead(head, at + block);
      if (typeof entry === "string") throw bad(entry);
      at = entry.start + Math.ceil(entry.size / block) * block;
      if (at > whole) throw bad("it is cut off");
      entries.push(entry);
    }
  } finally {
    await archive.close();
  }
}

async function headAt(archive: FileHandle, position: number): Promise<Buffer | undefined> {
  const head = Buffer.alloc(block);
  const { bytesRead } = await archive.read(head, 0, block, position);
  return bytesRead === block ? head : undefined;
}

/** An entry, or what is wrong with it. */
function decodeHead(head: Buffer, start: number): Entry | string {
  const text = (from: number, length: number) =>
    head
      .subarray(from, from + length)
      .toString("utf8")
      .split("\0", 1)[0] ?? "";
  if (text(257, 6) !== "ustar" || Number.parseInt(text(148, 8), 8) !== sumOf(head)) return "it is no archive";
  const path = [text(345, 155), text(0, 100)].filter((part) => part !== "").join("/");
  const size = /^[0-7]+ *$/.test(text(124, 12)) ? Number.parseInt(text(124, 12), 8) : -1;
  if (size < 0) return `the size of ${path} is none`;
  if (text(156, 1) !== "0") return `${path} is no plain file`;
  if (!isBelow(path)) return `${path} would lie outside of the folder`;
  return { path, start, size };
}

/** Whether a path stays below the folder that it is unpacked into. */
export const isBelow = (path: string): boolean =>
  path.split("/").every((part) => !["", ".", ".."].includes(part)) &&
  [...path].every((character) => character >= " " && character !== "\\");

/** The bytes of an entry. */
export const bytesOf = (file: string, { start, size }: Pick<Entry, "start" | "size">) =>
  createReadStream(file, { start, end: start + size - 1 });

export async function sha256Of(bytes: AsyncIterable<Buffer>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of bytes) hash.update(piece);
  return hash.digest("hex");
}
