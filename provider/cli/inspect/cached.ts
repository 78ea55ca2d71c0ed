import { basename, join } from "node:path";
import { createImages } from "../../services/images/index.ts";
import type { CacheEntry, ImageFormat } from "../../services/images/types.ts";
import { shortDigest } from "../details.ts";
import { inspectErrors } from "./errors.ts";

/** An image that lies on this host, uncompressed, and needs no other file. */
export interface OpenedImage {
  /** For people: what it was asked for by. */
  readonly shown: string;
  readonly path: string;
  readonly format: ImageFormat;
  /** Bytes it fills on a disk. */
  readonly virtualSize: number;
}

const digestForm = /^sha(256|512):[0-9a-f]{6,128}$/i;
const uploadForm = /^upload:(sha\d+:[0-9a-f]+):/;
const uploaded = / \(uploaded\)$/;

/** The digest in an Image's `source` that a client brought; undefined for any other. */
export const digestOfUpload = (location: string): string | undefined => uploadForm.exec(location)?.[1];

/**
 * What lies in the image cache of this host: by its digest, or as much of it as `images list` shows, or by the name of a
 * file that a client brought. undefined: no such file; a digest that is not there is refused.
 */
export async function openCached(cacheDir: string, what: string): Promise<OpenedImage | undefined> {
  const entries = await createImages({ dir: join(cacheDir, "images") }).list();
  const byDigest = digestForm.test(what);
  const isMeant = ({ digest, source }: CacheEntry) =>
    byDigest
      ? digest.startsWith(what.toLowerCase())
      : uploaded.test(source) && basename(source.replace(uploaded, "")) === what;
  const found = entries.filter(isMeant);
  const [first, ...others] = found;
  if (first === undefined && !byDigest) return undefined;
  if (first === undefined) throw inspectErrors.make("INSPECT_NOT_CACHED", { digest: what });
  if (others.length > 0) {
    const digests = found.map(({ digest }) => shortDigest(digest)).join(", ");
    throw inspectErrors.make("INSPECT_SEVERAL", { name: what, digests });
  }
  const { digest, source, path, format, virtualSize } = first;
  return { shown: `${source}, ${shortDigest(digest)} of the image cache`, path, format, virtualSize };
}
