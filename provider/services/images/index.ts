import type { Context } from "../../kernel/context.ts";
import { findEntry, listEntries, removeEntries } from "./cache.ts";
import { ensureEntry, type Shop, toResolved } from "./fetch.ts";
import { knownWeb } from "./known.ts";
import { lookAtFile, refuseOtherFormat } from "./local.ts";
import { type Parsed, parseSource } from "./source.ts";
import { orNoSpace } from "./space.ts";
import type { ImageLimits, Images, ImagesOptions, Resolved } from "./types.ts";
import { isSame, probe } from "./validators.ts";

export { imageErrors } from "./errors.ts";
export type {
  CachedImage,
  CacheEntry,
  Compression,
  ImageFormat,
  ImageLimits,
  ImageSource,
  Images,
  ImagesOptions,
  Resolved,
} from "./types.ts";

/** What holds unless the site says otherwise. */
export const defaultLimits: ImageLimits = {
  retries: 4,
  pause: "1 second",
  stall: "60 seconds",
  maxSize: "4 TiB",
  reserve: "256 MiB",
  keepPart: "16 MiB",
};

/** The image service over a cache folder, which several processes may share. Opening does nothing. */
export function createImages({ dir, limits = {}, ca }: ImagesOptions): Images {
  const all: ImageLimits = { ...defaultLimits, ...limits };
  const shop: Shop = { dir, limits: all, web: { ca, stall: all.stall } };
  // A disk without a byte left takes no lock and no note either, which are made before there is an image to ask room for.
  const inRoom = async <T>({ shown }: Parsed, work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw await orNoSpace(error, { dir, source: shown, reserve: all.reserve }, 0);
    }
  };
  return {
    async resolve(ctx, source) {
      const parsed = parseSource(source);
      const found = await inRoom(parsed, resolvePlace(ctx, shop, parsed));
      refuseOtherFormat(parsed, found.format);
      return found;
    },
    async ensure(ctx, source) {
      const parsed = parseSource(source);
      const { path, format, virtualSize, digest, bytes } = await inRoom(
        parsed,
        ensureEntry(ctx, shop, parsed),
      );
      refuseOtherFormat(parsed, format);
      return { path, format, virtualSize, digest, bytes };
    },
    forget: (digest) => removeEntries(dir, digest),
    list: () => listEntries(dir),
  };
}

async function resolvePlace(ctx: Context, shop: Shop, parsed: Parsed): Promise<Resolved> {
  const { place, plainFile } = parsed;
  if (place.kind === "file") return resolveFile(ctx, shop, parsed, place.path);
  if (place.kind === "web") return resolveWeb(ctx, shop, parsed, place.url);
  // A preview asks before it is brought here: who has it has looked at it.
  const hit = await findEntry(shop.dir, place.digest, plainFile);
  return hit ? toResolved(hit) : { digest: place.digest };
}

/** An uncompressed file is looked at where it lies; a compressed one must be unpacked to be looked into. */
async function resolveFile(ctx: Context, shop: Shop, parsed: Parsed, path: string): Promise<Resolved> {
  const { compressed, ...found } = await lookAtFile(ctx, shop, parsed, path);
  if (!compressed) return found;
  return toResolved(await ensureEntry(ctx, shop, { ...parsed, digest: found.digest }));
}

/** With a checksum the server is only asked whether it has the file; without, the file is fetched unless it is known. */
async function resolveWeb(ctx: Context, shop: Shop, parsed: Parsed, url: URL): Promise<Resolved> {
  const { digest, plainFile, key, shown: source } = parsed;
  const ask = () => probe(ctx, shop.web, shop.limits, { url, source });
  if (digest !== undefined) {
    const hit = await findEntry(shop.dir, digest, plainFile);
    if (hit) return toResolved(hit);
    const { length } = await ask();
    return { digest, ...(length === undefined ? {} : { size: length }) };
  }
  const known = await knownWeb(shop.dir, key);
  if (known && isSame(known.validators, await ask())) return known.resolved;
  return toResolved(await ensureEntry(ctx, shop, parsed));
}
