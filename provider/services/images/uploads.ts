import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { writeAtomically } from "../../kernel/files.ts";
import { showBytes, toBytes } from "../../kernel/units.ts";
import { findEntry } from "./cache.ts";
import { hashFile } from "./copy.ts";
import type { Gathered } from "./download.ts";
import { imageErrors } from "./errors.ts";
import { tryLock, waitLock } from "./lock.ts";
import { openSink, syncFile } from "./sink.ts";
import type { Algorithm } from "./source.ts";
import { orNoSpace, type Room, requireSpace } from "./space.ts";
import type { ImageLimits } from "./types.ts";

/** A file of a client's host that comes here piece by piece, named by what it has to be. */
export interface Upload {
  /** Whose it is: what one owner may leave lying about is bounded. */
  readonly owner: string;
  /** `sha256:HEX` or `sha512:HEX` of the whole file. */
  readonly digest: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** A kernel or a ramdisk. */
  readonly plainFile: boolean;
  /** For people: its path on the client's host. */
  readonly path: string;
}

/** What there is of it. */
export interface Uploaded {
  /** Bytes, from the beginning on: the next piece begins there. */
  readonly have: number;
  /** It is all here, and is what was announced. */
  readonly whole: boolean;
}

export interface Uploads {
  readonly look: (ctx: Context, upload: Upload) => Promise<Uploaded>;
  /** Add a piece. Asked twice does no harm; one that does not go on where the file ends is left out, and the answer says where. */
  readonly add: (ctx: Context, upload: Upload, offset: number, bytes: Uint8Array) => Promise<Uploaded>;
}

/** The helper's own side of it. */
export interface UploadStore extends Uploads {
  /** Remove what nobody has gone on with since then; answers how many. */
  readonly drop: (since: number) => Promise<number>;
}

export interface UploadsOptions {
  /** The image cache's folder. */
  readonly dir: string;
  readonly limits: Pick<ImageLimits, "maxSize" | "reserve">;
  /** What one owner may have here that is not in the cache yet. */
  readonly most: string;
}

const prefix = (digest: string) => `upload-${digest.replace(":", "-")}-`;
// Owners are apart: nobody can spoil what another one is about to bring.
const mark = (owner: string) => createHash("sha256").update(owner).digest("hex").slice(0, 16);

/** Files on their way into the cache: below its `work`, where what nobody goes on with is swept after a week. */
export function createUploads({ dir, limits, most }: UploadsOptions): UploadStore {
  const work = join(dir, "work");
  const folderOf = ({ digest, owner }: Upload) => join(work, prefix(digest) + mark(owner));
  const look = async (upload: Upload): Promise<Uploaded> => {
    const whole = { have: upload.size, whole: true };
    if (await findEntry(dir, upload.digest, upload.plainFile)) return whole;
    if ((await wholeOf(dir, upload.digest)) !== undefined) return whole;
    return { have: Math.min(upload.size, await lengthOf(join(folderOf(upload), "part"))), whole: false };
  };
  const begin = async (folder: string, upload: Upload) => {
    const { owner, size, path: source } = upload;
    if (size > toBytes(limits.maxSize)) {
      throw imageErrors.make("IMAGE_TOO_LARGE", { source, limit: showBytes(toBytes(limits.maxSize)) });
    }
    const others = (await sizesOf(work, mark(owner), folder)).reduce((sum, one) => sum + one, 0);
    if (others + size > toBytes(most)) {
      throw imageErrors.make("IMAGE_UPLOAD_TOO_MUCH", { source, owner, limit: most });
    }
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await writeAtomically(join(folder, "part.json"), JSON.stringify({ size }));
  };
  return {
    async drop(since) {
      let dropped = 0;
      for (const name of await readdir(work).catch(() => [])) {
        if (!/^upload-[^.]+$/.test(name) || (await touchedAt(join(work, name))) >= since) continue;
        const lock = await tryLock(join(work, `${name}.lock`));
        if (lock === undefined) continue; // somebody is at it after all
        await rm(join(work, name), { recursive: true, force: true });
        await lock.release();
        dropped += 1;
      }
      return dropped;
    },
    look: (_, upload) => look(upload),
    async add(ctx, upload, offset, bytes) {
      const folder = folderOf(upload);
      const room: Room = { dir, source: upload.path, reserve: limits.reserve };
      const lock = await waitLock(ctx, `${folder}.lock`, async () => {});
      try {
        const before = await look(upload);
        const news = bytes.subarray(before.have - offset);
        if (before.whole || offset > before.have || news.length === 0) return before;
        if (before.have === 0) await begin(folder, upload);
        await requireSpace(room, upload.size - before.have);
        const have = await append(join(folder, "part"), before.have, news, room);
        if (have < upload.size) return { have, whole: false };
        await prove(ctx, folder, upload);
        return { have, whole: true };
      } finally {
        await lock.release();
      }
    },
  };
}

async function append(path: string, at: number, bytes: Uint8Array, room: Room): Promise<number> {
  const sink = await openSink(path, at, async () => {});
  try {
    await sink.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (error) {
    throw await orNoSpace(error, room, bytes.length);
  } finally {
    await sink.close();
  }
  return sink.position;
}

/** The whole file is read once more: after a power cut it may have its length without its bytes. */
async function prove(ctx: Context, folder: string, { digest, path: source }: Upload): Promise<void> {
  const [algorithm] = digest.split(":") as [Algorithm];
  const found = await hashFile(ctx, join(folder, "part"), algorithm);
  if (found === digest) {
    await syncFile(join(folder, "part"));
    return rename(join(folder, "part"), join(folder, "whole"));
  }
  await rm(folder, { recursive: true, force: true });
  throw imageErrors.make("IMAGE_UPLOAD_WRONG", { source, found, expected: digest });
}

/** A proven file, out of the uploads and into a folder of the fetch that needs it. */
export async function takeUpload(
  dir: string,
  { digest, folder, source }: { readonly digest: string; readonly folder: string; readonly source: string },
): Promise<Gathered> {
  const from = await wholeOf(dir, digest);
  if (from === undefined) throw imageErrors.make("IMAGE_NOT_UPLOADED", { source });
  const path = join(folder, "copy");
  await mkdir(folder, { recursive: true });
  await rename(join(from, "whole"), path);
  await rm(from, { recursive: true, force: true });
  return { path, digest, size: await lengthOf(path) };
}

/** The folder of a digest's proven file, whoever brought it. */
async function wholeOf(dir: string, digest: string): Promise<string | undefined> {
  const work = join(dir, "work");
  for (const name of await readdir(work).catch(() => [])) {
    if (!name.startsWith(prefix(digest)) || name.includes(".lock")) continue;
    if ((await lengthOf(join(work, name, "whole"))) > 0) return join(work, name);
  }
  return undefined;
}

async function sizesOf(work: string, owner: string, besides: string): Promise<readonly number[]> {
  const names = await readdir(work).catch(() => []);
  const own = names.filter((name) => name.startsWith("upload-") && name.endsWith(`-${owner}`));
  const others = own.map((name) => join(work, name)).filter((folder) => folder !== besides);
  return Promise.all(
    others.map(async (folder) => {
      const text = await readFile(join(folder, "part.json"), "utf8").catch(() => '{"size":0}');
      return (JSON.parse(text) as { size: number }).size;
    }),
  );
}

/** When a byte was last written to it. */
async function touchedAt(folder: string): Promise<number> {
  const seen = await Promise.all(
    ["part", "whole"].map((name) => stat(join(folder, name)).catch(() => undefined)),
  );
  return Math.max(0, ...seen.map((one) => one?.mtimeMs ?? 0));
}

const lengthOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );
