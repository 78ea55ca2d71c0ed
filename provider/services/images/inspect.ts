import { type FileHandle, open } from "node:fs/promises";
import type { Context } from "../../kernel/context.ts";
import { showBytes, toBytes } from "../../kernel/units.ts";
import { imageErrors } from "./errors.ts";
import {
  extensionTypes,
  incompatibleBits,
  MalformedQcow2,
  type Qcow2Header,
  readQcow2Header,
} from "./qcow2.ts";
import { type Sniffed, sniff, sniffLength } from "./sniff.ts";
import type { ImageFormat } from "./types.ts";
import { missingOfQcow2, missingOfRaw } from "./whole.ts";

/** What a file turned out to be. */
export interface Inspected {
  readonly format: ImageFormat;
  /** Bytes it fills on a disk. */
  readonly virtualSize: number;
}

/** What the first bytes of a file say it is; IMAGE_EMPTY when there are none. */
export async function sniffFile(path: string, source: string): Promise<Sniffed> {
  return withFile(path, async (file) => {
    const head = await readHead(file, sniffLength);
    if (head.length === 0) throw imageErrors.make("IMAGE_EMPTY", { source });
    return sniff(head);
  });
}

/** Look into an uncompressed image: its format and size, and whether it is whole and safe to hand to qemu-img. */
export async function inspect(
  ctx: Context,
  path: string,
  source: string,
  maxSize: string,
): Promise<Inspected> {
  return withFile(path, async (file) => {
    const { size } = await file.stat();
    const head = await readHead(file, 2 ** 21);
    if (head.length === 0) throw imageErrors.make("IMAGE_EMPTY", { source });
    const seen = sniff(head);
    const found = await look(ctx, file, seen, { head, size, source });
    if (found.virtualSize > toBytes(maxSize)) {
      throw imageErrors.make("IMAGE_TOO_LARGE", { source, limit: showBytes(toBytes(maxSize)) });
    }
    return found;
  });
}

interface Opened {
  readonly head: Buffer;
  readonly size: number;
  readonly source: string;
}

async function look(ctx: Context, file: FileHandle, seen: Sniffed, opened: Opened): Promise<Inspected> {
  const { head, size, source } = opened;
  switch (seen.kind) {
    case "compressed":
      throw imageErrors.make("IMAGE_UNKNOWN_FORMAT", {
        source,
        found: `compressed twice (${seen.compression})`,
      });
    case "foreign":
      throw imageErrors.make("IMAGE_UNKNOWN_FORMAT", { source, found: seen.what });
    case "qcow2": {
      const header = readHeader(opened);
      refuseUnsafe(header, source);
      const reason = await missingOfQcow2(ctx.signal, file, header, size);
      if (reason !== undefined) throw imageErrors.make("IMAGE_TRUNCATED", { source, reason });
      return { format: "qcow2", virtualSize: header.virtualSize };
    }
    case "raw": {
      await refuseFooter(file, size, source);
      const reason = missingOfRaw(head, size);
      if (reason !== undefined) throw imageErrors.make("IMAGE_TRUNCATED", { source, reason });
      return { format: "raw", virtualSize: size };
    }
  }
}

function readHeader({ head, size, source }: Opened): Qcow2Header {
  try {
    return readQcow2Header(head);
  } catch (error) {
    if (!(error instanceof MalformedQcow2)) throw error;
    // A file that ends within its first cluster was cut; one that goes on is wrong.
    if (size < 512) throw imageErrors.make("IMAGE_TRUNCATED", { source, reason: error.message });
    throw imageErrors.make("IMAGE_UNSAFE", { source, reason: error.message });
  }
}

/** Refuse what would make qemu-img read another file, ask for a key, or misunderstand the content. */
function refuseUnsafe(header: Qcow2Header, source: string): void {
  const { backingFile, incompatible } = header;
  const has = (type: number) => header.extensions.some((extension) => extension.type === type);
  if (backingFile !== undefined) {
    const file = backingFile.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
    throw imageErrors.make("IMAGE_HAS_BACKING_FILE", { source, file: file === "" ? "unnamed" : file });
  }
  if (incompatible & incompatibleBits.externalData || has(extensionTypes.externalData)) {
    throw imageErrors.make("IMAGE_HAS_DATA_FILE", { source });
  }
  if (header.cryptMethod !== 0 || has(extensionTypes.encryption)) {
    throw imageErrors.make("IMAGE_ENCRYPTED", { source });
  }
  const reason = strange(header);
  if (reason !== undefined) throw imageErrors.make("IMAGE_UNSAFE", { source, reason });
}

function strange({ incompatible, compressionType, virtualSize, l1Entries, ...header }: Qcow2Header) {
  const known = Object.values(incompatibleBits).reduce((all, bit) => all | bit, 0n);
  const entry = incompatible & incompatibleBits.extendedL2 ? 16 : 8;
  const covered = l1Entries * (2 ** header.clusterBits / entry) * 2 ** header.clusterBits;
  if (incompatible & ~known) return `unknown features ${(incompatible & ~known).toString(16)}`;
  if (incompatible & incompatibleBits.corrupt) return "it is marked as corrupt";
  if (compressionType > 1) return `unknown compression ${compressionType}`;
  if (virtualSize === 0) return "it describes a disk of no size";
  if (covered < virtualSize) return "its L1 table is too small for its size";
  return undefined;
}

/** A fixed VHD is a raw disk with a last sector that tells what it is. */
async function refuseFooter(file: FileHandle, size: number, source: string): Promise<void> {
  const last = Buffer.alloc(8);
  if (size < 1024) return;
  await file.read(last, 0, 8, size - 512);
  if (last.toString("latin1") === "conectix") {
    throw imageErrors.make("IMAGE_UNKNOWN_FORMAT", { source, found: "a VHD disk" });
  }
}

async function readHead(file: FileHandle, length: number): Promise<Buffer> {
  const head = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(head, filled, length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return head.subarray(0, filled);
}

async function withFile<T>(path: string, body: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await open(path, "r");
  try {
    return await body(file);
  } finally {
    await file.close();
  }
}
