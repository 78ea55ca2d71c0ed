import { mkdir, statfs } from "node:fs/promises";
import type { MetalError } from "../../kernel/errors.ts";
import { showBytes, toBytes } from "../../kernel/units.ts";
import { imageErrors } from "./errors.ts";
import { isCode } from "./lock.ts";

/** The disk that the cache lies on, and for whom the words are. */
export interface Room {
  readonly dir: string;
  readonly source: string;
  /** What must stay free. */
  readonly reserve: string;
}

/** Throws IMAGE_NO_SPACE unless `needed` bytes fit, with the reserve left over. */
export async function requireSpace(room: Room, needed: number): Promise<void> {
  await mkdir(room.dir, { recursive: true });
  const { bavail, bsize } = await statfs(room.dir);
  if (bavail * bsize < needed + toBytes(room.reserve)) throw await noSpace(room, needed);
}

/** A full disk in our words; any other error as it is. */
export async function orNoSpace(error: unknown, room: Room, needed: number): Promise<unknown> {
  return isCode(error, "ENOSPC", "EDQUOT") ? noSpace(room, needed, error) : error;
}

async function noSpace({ dir, source, reserve }: Room, needed: number, cause?: unknown): Promise<MetalError> {
  const { bavail, bsize } = await statfs(dir);
  const blanks = {
    source,
    dir,
    needed: showBytes(needed + toBytes(reserve)),
    free: showBytes(bavail * bsize),
  };
  return imageErrors.make("IMAGE_NO_SPACE", blanks, { cause });
}
