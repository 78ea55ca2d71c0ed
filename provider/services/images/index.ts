import type { Context } from "../../kernel/context.ts";
import { findEntry, listEntries, removeEntries } from "./cache.ts";
import { requireReadable, stampOf } from "./copy.ts";
import { imageErrors } from "./errors.ts";
import { ensureEntry, type Shop, toResolved } from "./fetch.ts";
import { inspect, sniffFile } from "./inspect.ts";
import { knownDigest, knownWeb } from "./known.ts";
import { type Parsed, parseSource } from "./source.ts";
import type { ImageFormat, ImageLimits, Images, ImagesOptions, Resolved } from "./types.ts";
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
  return {
    async resolve(ctx, source) {
      const parsed = parseSource(source);
      const found = await (parsed.place.kind === "file"
        ? resolveFile(ctx, shop, parsed, parsed.place.path)
        : resolveWeb(ctx, shop, parsed, parsed.place.url));
      refuseOtherFormat(parsed, found.format);
      return found;
    },
    async ensure(ctx, source) {
      const parsed = parseSource(source);
      const { path, format, virtualSize, digest, bytes } = await ensureEntry(ctx, shop, parsed);
      refuseOtherFormat(parsed, format);
      return { path, format, virtualSize, digest, bytes };
    },
    forget: (digest) => removeEntries(dir, digest),
    list: () => listEntries(dir),
  };
}

function refuseOtherFormat(parsed: Parsed, found: ImageFormat | undefined): void {
  const { declaredFormat: declared, shown: source, plainFile } = parsed;
  if (plainFile || declared === undefined || found === undefined || declared === found) return;
  throw imageErrors.make("IMAGE_WRONG_FORMAT", { source, declared, found });
}

/** An uncompressed file is looked at where it lies; a compressed one must be unpacked to be looked into. */
async function resolveFile(ctx: Context, shop: Shop, parsed: Parsed, path: string): Promise<Resolved> {
  const { size } = await stampOf(path);
  await requireReadable(path);
  const digest = await knownDigest(ctx, shop.dir, parsed, path);
  if (parsed.digest !== undefined && parsed.digest !== digest) {
    throw imageErrors.make("IMAGE_WRONG_DIGEST", { source: path, found: digest, expected: parsed.digest });
  }
  if (parsed.plainFile) return { digest, size };
  const seen = await sniffFile(path, path);
  if (seen.kind === "compressed") return toResolved(await ensureEntry(ctx, shop, { ...parsed, digest }));
  const { format, virtualSize } = await inspect(ctx, path, path, shop.limits.maxSize);
  return { digest, size, format, virtualSize };
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
