import { createReadStream } from "node:fs";
import { rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createGunzip } from "node:zlib";
import type { Context } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { run } from "../../kernel/process.ts";
import { showBytes, toBytes } from "../../kernel/units.ts";
import { imageErrors } from "./errors.ts";
import { isCode } from "./lock.ts";
import { meter } from "./meter.ts";
import { openSink, syncFile } from "./sink.ts";
import { orNoSpace, type Room, requireSpace } from "./space.ts";
import type { Compression } from "./types.ts";

export interface Packed {
  readonly path: string;
  readonly compression: Compression;
  readonly room: Room;
  readonly maxSize: string;
}

/** Decompress a file beside itself, holes for zeros, flushed; answers the path. IMAGE_TRUNCATED, IMAGE_DAMAGED. */
export async function unpack(ctx: Context, packed: Packed): Promise<string> {
  const { path, compression, room } = packed;
  const { size } = await stat(path);
  await requireSpace(room, size);
  try {
    return compression === "gzip" ? await gunzip(ctx, packed, size) : await byProgram(ctx, packed);
  } catch (error) {
    ctx.signal.throwIfAborted();
    throw await orNoSpace(error, room, size);
  }
}

async function gunzip(ctx: Context, { path, room, maxSize }: Packed, size: number): Promise<string> {
  const target = join(dirname(path), "unpacked");
  const sink = await openSink(target, 0, () => requireSpace(room, 0));
  const file = createReadStream(path, { highWaterMark: 2 ** 18 });
  const plain = createGunzip({ chunkSize: 2 ** 18 });
  const tell = meter(ctx, `unpacking ${room.source}`, size);
  file.on("error", (error) => plain.destroy(error));
  try {
    for await (const chunk of file.pipe(plain)) {
      ctx.signal.throwIfAborted();
      await sink.write(chunk as Buffer);
      refuseTooLarge(sink.position, maxSize, room.source);
      tell(file.bytesRead);
    }
    await sink.finish();
  } catch (error) {
    await sink.close().catch(() => {});
    throw gzipError(error, room.source);
  } finally {
    file.destroy();
    plain.destroy();
  }
  return target;
}

function gzipError(error: unknown, source: string): unknown {
  if (error instanceof MetalError || !(error instanceof Error)) return error;
  if (isCode(error, "Z_BUF_ERROR")) {
    return imageErrors.make(
      "IMAGE_TRUNCATED",
      { source, reason: "its gzip stream ends early" },
      { cause: error },
    );
  }
  if (isCode(error, "Z_DATA_ERROR")) {
    return imageErrors.make("IMAGE_DAMAGED", { source, reason: `gzip: ${error.message}` }, { cause: error });
  }
  return error;
}

function refuseTooLarge(size: number, maxSize: string, source: string): void {
  if (size <= toBytes(maxSize)) return;
  throw imageErrors.make("IMAGE_TOO_LARGE", { source, limit: showBytes(toBytes(maxSize)) });
}

/** xz and zstd write files with holes themselves; we watch the disk beside them. */
async function byProgram(ctx: Context, packed: Packed): Promise<string> {
  const { path, compression, room } = packed;
  const target = join(dirname(path), "unpacked");
  await rm(target, { force: true });
  // xz chooses its output by the name of its input.
  const named = `${target}.xz`;
  if (compression === "xz") {
    await rm(named, { force: true });
    await symlink(path, named);
  }
  const args =
    compression === "xz"
      ? ["--decompress", "--keep", "--force", "--no-warn", named]
      : ["--decompress", "--force", "--quiet", "--sparse", "-o", target, path];
  const { code, stderr } = await watched(ctx, packed, target, (inner) =>
    run(inner, compression, args, { env: { LC_ALL: "C", XZ_OPT: "", XZ_DEFAULTS: "" } }),
  );
  if (code !== 0) throw programError(compression, stderr, room.source);
  await syncFile(target);
  return target;
}

function programError(compression: Compression, stderr: string, source: string): unknown {
  const words = stderr.trim().split("\n").at(-1) ?? "";
  // The program names our own temporary file first.
  const reason = `${compression}: ${words.slice(words.lastIndexOf(": ") + 1).trim() || "it ended without a word"}`;
  if (/No space left|quota exceeded/i.test(stderr))
    return Object.assign(new Error(reason), { code: "ENOSPC" });
  const isCut = /Unexpected end of input|premature end|unexpected end of file/i.test(stderr);
  return imageErrors.make(isCut ? "IMAGE_TRUNCATED" : "IMAGE_DAMAGED", { source, reason });
}

/** Run `body` while looking at what it writes, and end it when that becomes too much. */
async function watched<T>(
  ctx: Context,
  { room, maxSize }: Packed,
  target: string,
  body: (ctx: Context) => Promise<T>,
): Promise<T> {
  const [own, over] = [new AbortController(), new AbortController()];
  const cancel = () => own.abort(ctx.signal.reason);
  ctx.signal.addEventListener("abort", cancel, { once: true });
  if (ctx.signal.aborted) cancel();
  const tell = meter(ctx, `unpacking ${room.source}`, undefined);
  const watching = (async () => {
    while (!over.signal.aborted) {
      const size = (await stat(target).catch(() => undefined))?.size ?? 0;
      refuseTooLarge(size, maxSize, room.source);
      await requireSpace(room, 0);
      tell(size);
      await pause(300, undefined, { signal: over.signal }).catch(() => {});
    }
  })().catch((error) => own.abort(error));
  try {
    return await body({ ...ctx, signal: own.signal });
  } catch (error) {
    throw own.signal.aborted ? own.signal.reason : error;
  } finally {
    over.abort();
    ctx.signal.removeEventListener("abort", cancel);
    await watching;
  }
}
