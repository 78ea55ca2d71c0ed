import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { hasCode } from "../../kernel/errors.ts";
import { shared } from "../../kernel/shared.ts";
import { isSameStamp, requireReadable, stampOf } from "../../services/images/copy.ts";
import { imageErrors } from "../../services/images/errors.ts";
import { meter } from "../../services/images/meter.ts";
import type { Upload, Uploads } from "../../services/images/uploads.ts";

/** Bytes of one request: large enough that a far host's answers are not waited for, small enough for one that is slow. */
const piece = 4 * 2 ** 20;
/** Answers that bring nothing new, before it is given up. */
const mostIdle = 3;

/** Bring files to a site: what it has already is not sent, and what several resources name is sent once. */
export function createBringing(uploads: Uploads): (ctx: Context, upload: Upload) => Promise<void> {
  const works = new Map<string, (ctx: Context) => Promise<void>>();
  return (ctx, upload) => {
    const key = `${upload.owner} ${upload.digest} ${upload.plainFile}`;
    const work = works.get(key) ?? shared((inner) => bring(inner, uploads, upload));
    works.set(key, work);
    return work(ctx).finally(() => works.delete(key));
  };
}

async function bring(ctx: Context, uploads: Uploads, upload: Upload): Promise<void> {
  const { have, whole } = await uploads.look(ctx, upload);
  if (whole) return;
  try {
    await send(ctx, uploads, upload, have);
  } catch (error) {
    // What an earlier run had sent may have been of another file, or was lost with the power.
    if (!hasCode(error, "IMAGE_UPLOAD_WRONG") || have === 0) throw error;
    await send(ctx, uploads, upload, 0);
  }
}

async function send(ctx: Context, uploads: Uploads, upload: Upload, from: number): Promise<void> {
  const { path, size } = upload;
  const before = await stampOf(path);
  await requireReadable(path);
  const tell = meter(ctx, basename(path), size, from, "uploading");
  const file = await open(path, "r");
  const changed = () => imageErrors.make("IMAGE_CHANGED", { source: path });
  try {
    let [have, whole, idle] = [from, false, 0];
    while (!whole) {
      const bytes = await read(file, have, Math.min(piece, size - have));
      if (bytes.length === 0 || have + bytes.length > size) throw changed();
      const next = await uploads.add(ctx, upload, have, bytes);
      idle = next.have > have || next.whole ? 0 : idle + 1;
      if (idle > mostIdle) throw imageErrors.make("IMAGE_UPLOAD_STUCK", { source: path, have: next.have });
      ({ have, whole } = next);
      tell(have);
    }
  } catch (error) {
    ctx.signal.throwIfAborted();
    // Said in the words that help: it is no fault of the way.
    if (hasCode(error, "IMAGE_UPLOAD_WRONG") && !isSameStamp(before, await stampOf(path))) throw changed();
    throw error;
  } finally {
    await file.close();
  }
}

async function read(file: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
