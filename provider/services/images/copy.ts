import { createHash } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import { copyFile, mkdir, open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import type { Gathered } from "./download.ts";
import { imageErrors } from "./errors.ts";
import { isCode } from "./lock.ts";
import { meter } from "./meter.ts";
import { pieces } from "./pieces.ts";
import { openSink, syncFile } from "./sink.ts";
import type { Algorithm } from "./source.ts";
import { orNoSpace, type Room, requireSpace } from "./space.ts";

/** What changes when a file does, as far as it can be seen without reading it. */
export interface Stamp {
  readonly size: number;
  /** Nanoseconds since the epoch, as text: they do not fit into a number. */
  readonly modified: string;
  readonly changed: string;
  readonly inode: string;
}

/** The stamp of a local image; IMAGE_MISSING, IMAGE_UNREADABLE, IMAGE_EMPTY. */
export async function stampOf(path: string): Promise<Stamp> {
  const seen = await stat(path, { bigint: true }).catch((error) => {
    throw fileError(error, path);
  });
  if (!seen.isFile())
    throw imageErrors.make("IMAGE_UNREADABLE", { source: path, reason: "not a regular file" });
  if (seen.size === 0n) throw imageErrors.make("IMAGE_EMPTY", { source: path });
  return toStamp(seen);
}

const toStamp = (seen: BigIntStats): Stamp => ({
  size: Number(seen.size),
  modified: String(seen.mtimeNs),
  changed: String(seen.ctimeNs),
  inode: `${seen.dev}:${seen.ino}`,
});

export const isSameStamp = (a: Stamp, b: Stamp): boolean =>
  a.size === b.size && a.modified === b.modified && a.changed === b.changed && a.inode === b.inode;

/** The digest of a local file; IMAGE_CHANGED when somebody wrote to it meanwhile. */
export async function hashFile(ctx: Context, path: string, algorithm: Algorithm): Promise<string> {
  const before = await stampOf(path);
  const digest = await digestOf(ctx, path, { algorithm, source: path, size: before.size });
  if (!isSameStamp(before, await stampOf(path))) throw imageErrors.make("IMAGE_CHANGED", { source: path });
  return digest;
}

export interface CopyJob {
  readonly path: string;
  readonly algorithm: Algorithm;
  readonly folder: string;
  readonly room: Room;
}

/**
 * Copy a local file into a folder of ours, and the digest of what arrived: later changes of the file reach no
 * deployment. Where the file system can, the copy shares its blocks; else holes stay holes.
 */
export async function copyIn(ctx: Context, { path, algorithm, folder, room }: CopyJob): Promise<Gathered> {
  await mkdir(folder, { recursive: true });
  const before = await stampOf(path);
  const target = join(folder, "copy");
  await rm(target, { force: true });
  const digest = (await clone(path, target))
    ? await digestOf(ctx, target, { algorithm, source: path, size: before.size })
    : await copy(ctx, target, { path, algorithm, room, size: before.size });
  if (!isSameStamp(before, await stampOf(path))) throw imageErrors.make("IMAGE_CHANGED", { source: path });
  await syncFile(target);
  return { path: target, digest, size: before.size };
}

async function clone(path: string, target: string): Promise<boolean> {
  try {
    await copyFile(path, target, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    // Another file system, or one that cannot; whatever else is wrong the copying will tell.
    await rm(target, { force: true });
    return false;
  }
}

interface Copying {
  readonly path: string;
  readonly algorithm: Algorithm;
  readonly room: Room;
  readonly size: number;
}

async function copy(ctx: Context, target: string, { path, algorithm, room, size }: Copying): Promise<string> {
  const { blocks } = await stat(path);
  await requireSpace(room, Math.min(size, blocks * 512));
  const hash = createHash(algorithm);
  const tell = meter(ctx, path, size);
  const sink = await openSink(target, 0, () => requireSpace(room, 0));
  try {
    for await (const chunk of pieces(ctx.signal, path)) {
      hash.update(chunk);
      await sink.write(chunk);
      tell(sink.position);
    }
  } catch (error) {
    ctx.signal.throwIfAborted();
    throw await orNoSpace(fileError(error, path), room, size);
  } finally {
    await sink.close();
  }
  return `${algorithm}:${hash.digest("hex")}`;
}

interface Hashing {
  readonly algorithm: Algorithm;
  readonly source: string;
  readonly size: number;
}

async function digestOf(ctx: Context, path: string, { algorithm, source, size }: Hashing): Promise<string> {
  const hash = createHash(algorithm);
  const tell = meter(ctx, `checking ${source}`, size);
  let done = 0;
  try {
    for await (const chunk of pieces(ctx.signal, path)) {
      hash.update(chunk);
      done += chunk.length;
      tell(done);
    }
  } catch (error) {
    ctx.signal.throwIfAborted();
    throw fileError(error, source);
  }
  return `${algorithm}:${hash.digest("hex")}`;
}

function fileError(error: unknown, source: string): unknown {
  const cause = { cause: error };
  if (isCode(error, "ENOENT", "ENOTDIR")) {
    return imageErrors.make("IMAGE_MISSING", { source, reason: "no such file" }, cause);
  }
  if (isCode(error, "EACCES", "EPERM")) {
    return imageErrors.make("IMAGE_UNREADABLE", { source, reason: "permission denied" }, cause);
  }
  return isCode(error, "EIO")
    ? imageErrors.make("IMAGE_UNREADABLE", { source, reason: "read error" }, cause)
    : error;
}

/** Whether the helper may read the file at all, before anything long begins. */
export async function requireReadable(path: string): Promise<void> {
  const file = await open(path, "r").catch((error) => {
    throw fileError(error, path);
  });
  await file.close();
}
