import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { hasCode } from "../../kernel/errors.ts";
import { admit, findEntry, sweep, workFolder } from "./cache.ts";
import { copyIn } from "./copy.ts";
import { download, type Gathered } from "./download.ts";
import { imageErrors } from "./errors.ts";
import { inspect, sniffFile } from "./inspect.ts";
import { knownDigest, knownWeb, rememberWeb } from "./known.ts";
import { waitLock } from "./lock.ts";
import { isWorthKeeping, partPercent } from "./part.ts";
import type { Parsed } from "./source.ts";
import type { Room } from "./space.ts";
import type { CacheEntry, Compression, ImageLimits, Resolved } from "./types.ts";
import { unpack } from "./unpack.ts";
import { takeUpload } from "./uploads.ts";
import { isSame, probe } from "./validators.ts";
import type { WebOptions } from "./web.ts";

/** What the service was opened with. */
export interface Shop {
  readonly dir: string;
  readonly limits: ImageLimits;
  readonly web: WebOptions;
}

/** What an entry tells a preview. */
export const toResolved = ({ digest, size, compressed, plainFile, ...entry }: CacheEntry): Resolved => ({
  digest,
  size,
  ...(plainFile ? {} : { format: entry.format, virtualSize: entry.virtualSize }),
  ...(compressed === undefined ? {} : { compressed }),
});

/** The entry of a source: from the cache, or fetched once however many ask. */
export async function ensureEntry(ctx: Context, shop: Shop, parsed: Parsed): Promise<CacheEntry> {
  const asked = Date.now();
  const expected = await expectedDigest(ctx, shop, parsed, asked);
  const hit = expected && (await findEntry(shop.dir, expected, parsed.plainFile));
  if (hit) return hit;
  const folder = workFolder(shop.dir, expected ?? `location-${parsed.key}`, parsed.plainFile);
  return locked(ctx, folder, parsed.shown, async (inner, waited) => {
    // Whoever had the lock before us has most likely fetched what we want.
    const digest = waited && !expected ? await expectedDigest(inner, shop, parsed, asked) : expected;
    const late = waited && digest && (await findEntry(shop.dir, digest, parsed.plainFile));
    return late || fetchNow(inner, shop, { parsed, digest, folder });
  });
}

/** The digest a source most likely has: certain if declared, else as long as it looks as it did when it was read. */
async function expectedDigest(ctx: Context, { dir, web, limits }: Shop, parsed: Parsed, asked: number) {
  const { place, digest, key, shown } = parsed;
  if (digest !== undefined || place.kind === "upload") return digest;
  if (place.kind === "file") return knownDigest(ctx, dir, parsed, place.path);
  const known = await knownWeb(dir, key);
  if (known === undefined) return undefined;
  if (known.at >= asked) return known.resolved.digest;
  const now = await probe(ctx, web, limits, { url: place.url, source: shown });
  return isSame(known.validators, now) ? known.resolved.digest : undefined;
}

interface Task {
  readonly parsed: Parsed;
  readonly digest: string | undefined;
  readonly folder: string;
}

async function fetchNow(ctx: Context, shop: Shop, { parsed, digest, folder }: Task): Promise<CacheEntry> {
  const room: Room = { dir: shop.dir, source: parsed.shown, reserve: shop.limits.reserve };
  let keep = true;
  try {
    await sweep(shop.dir);
    const gathered = await gather(ctx, shop, { parsed, folder, room });
    keep = false;
    refuseOther(parsed, digest, gathered.digest);
    const entry = await finish(ctx, shop, { parsed, gathered, folder, room });
    if (parsed.place.kind === "web" && gathered.validators) {
      const known = { at: Date.now(), validators: gathered.validators, resolved: toResolved(entry) };
      if (parsed.digest === undefined) await rememberWeb(shop.dir, parsed.key, known);
    }
    await rm(folder, { recursive: true, force: true });
    return entry;
  } catch (error) {
    await tidy(ctx, folder, shop.limits, keep || ctx.signal.aborted || hasCode(error, "IMAGE_NO_SPACE"));
    throw error;
  }
}

/** What is left behind after a failure: nothing, or a long part that the next attempt can go on with. */
async function tidy(
  ctx: Context,
  folder: string,
  { keepPart }: ImageLimits,
  mayKeep: boolean,
): Promise<void> {
  // The folder is another's by now.
  if (hasCode(ctx.signal.reason, "IMAGE_LOCK_LOST")) return;
  const keep = mayKeep && (await isWorthKeeping(folder, keepPart));
  const doomed = keep ? ["unpacked", "unpacked.xz", "copy"].map((name) => join(folder, name)) : [folder];
  for (const path of doomed) await rm(path, { recursive: true, force: true });
}

interface Gathering {
  readonly parsed: Parsed;
  readonly folder: string;
  readonly room: Room;
}

async function gather(ctx: Context, shop: Shop, { parsed, folder, room }: Gathering): Promise<Gathered> {
  const { place, algorithm, key, digest } = parsed;
  if (place.kind === "upload") {
    return takeUpload(shop.dir, { digest: place.digest, folder, source: parsed.shown });
  }
  if (place.kind === "file") return copyIn(ctx, { path: place.path, algorithm, folder, room });
  const { web, limits } = shop;
  const job = { url: place.url, key, algorithm, isDeclared: digest !== undefined, folder, room, web, limits };
  return download(ctx, job);
}

/** A declared digest must be met; of an undeclared file, what was looked at must be what was copied. */
function refuseOther(
  { digest: declared, place, shown: source }: Parsed,
  digest: string | undefined,
  found: string,
) {
  if (declared !== undefined && declared !== found) {
    throw imageErrors.make("IMAGE_WRONG_DIGEST", { source, found, expected: declared });
  }
  if (place.kind === "file" && digest !== undefined && digest !== found) {
    throw imageErrors.make("IMAGE_CHANGED", { source });
  }
}

/** Decompress, look into it, and move it into the cache. */
async function finish(
  ctx: Context,
  { dir, limits }: Shop,
  { parsed, gathered, folder, room }: Gathering & { readonly gathered: Gathered },
): Promise<CacheEntry> {
  const { plainFile, shown } = parsed;
  const { digest, size } = gathered;
  const found = plainFile
    ? { path: gathered.path, format: "raw" as const, virtualSize: size }
    : await open(ctx, gathered.path, room, limits);
  const { path, ...facts } = found;
  const { size: bytes } = await stat(path);
  if (bytes === 0) throw imageErrors.make("IMAGE_EMPTY", { source: shown });
  const entry = { ...facts, digest, bytes, size, plainFile, source: shown, fetchedAt: Date.now() };
  const target = workFolder(dir, digest, plainFile);
  if (target === folder) return admit(dir, path, entry);
  return locked(ctx, target, shown, async () => {
    return (await findEntry(dir, digest, plainFile)) ?? admit(dir, path, entry);
  });
}

async function open(ctx: Context, packed: string, room: Room, { maxSize }: ImageLimits) {
  const seen = await sniffFile(packed, room.source);
  const compression: Compression | undefined = seen.kind === "compressed" ? seen.compression : undefined;
  const path = compression ? await unpack(ctx, { path: packed, compression, room, maxSize }) : packed;
  const inspected = await inspect(ctx, path, room.source, maxSize);
  return { path, ...inspected, ...(compression === undefined ? {} : { compressed: compression }) };
}

/** Do something alone on this folder's subject; `waited` tells that somebody else was at it before. */
async function locked<T>(
  ctx: Context,
  folder: string,
  source: string,
  body: (ctx: Context, waited: boolean) => Promise<T>,
): Promise<T> {
  let waited = false;
  let shown: number | undefined = -1;
  const lock = await waitLock(ctx, `${folder}.lock`, async () => {
    waited = true;
    const percent = await partPercent(folder);
    if (percent === shown) return;
    shown = percent;
    const note = `${source}, which another deployment is fetching`;
    ctx.report({ stage: "fetching image", note, ...(percent === undefined ? {} : { percent }) });
  });
  const own = new AbortController();
  const cancel = () => own.abort(ctx.signal.reason);
  const lost = () => own.abort(imageErrors.make("IMAGE_LOCK_LOST", { source }));
  ctx.signal.addEventListener("abort", cancel, { once: true });
  lock.lost.addEventListener("abort", lost, { once: true });
  try {
    ctx.signal.throwIfAborted();
    return await body({ ...ctx, signal: own.signal }, waited);
  } finally {
    ctx.signal.removeEventListener("abort", cancel);
    await lock.release();
  }
}
