import type { Context } from "../../kernel/context.ts";

export type ImageFormat = "raw" | "qcow2";
export type Compression = "gzip" | "xz" | "zstd";

/** What a program says of an image. */
export interface ImageSource {
  /** Absolute path on this host, file: or http(s) address. */
  readonly location: string;
  /** `sha256:HEX` or `sha512:HEX` of the file as it is fetched, before any decompression. */
  readonly checksum?: string;
  readonly declaredFormat?: ImageFormat;
  /** A kernel or a ramdisk: kept byte for byte, neither decompressed nor looked into. */
  readonly plainFile?: boolean;
}

/** What is known of an image at preview. The optional fields are unknown until it has been fetched. */
export interface Resolved {
  /** `sha256:HEX`, or `sha512:HEX` if the program gave that: of the source as fetched. */
  readonly digest: string;
  /** Bytes of the source as fetched. */
  readonly size?: number;
  readonly format?: ImageFormat;
  /** Bytes the image fills on a disk. */
  readonly virtualSize?: number;
  readonly compressed?: Compression;
}

/** An image that lies verified and decompressed in the cache; the file is never changed, only removed. */
export interface CachedImage {
  readonly path: string;
  readonly format: ImageFormat;
  /** Bytes the image fills on a disk. */
  readonly virtualSize: number;
  readonly digest: string;
  /** Length of the file at `path`. */
  readonly bytes: number;
}

/** An entry of the cache, for people and for pruning. */
export interface CacheEntry extends CachedImage {
  readonly plainFile: boolean;
  /** Bytes of the source as fetched. */
  readonly size: number;
  readonly compressed?: Compression;
  /** Where it came from, without credentials and query. */
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly fetchedAt: number;
}

export interface ImageLimits {
  /** Repeats after a failed transfer that brought nothing new. */
  readonly retries: number;
  /** Before the first repeat; doubled each time, 30 s at most. */
  readonly pause: string;
  /** A server that sends nothing for so long is given up. */
  readonly stall: string;
  /** An image that would fill more on a disk is refused. */
  readonly maxSize: string;
  /** What must stay free on the cache's disk. */
  readonly reserve: string;
  /** A cancelled transfer that got this far is kept, to go on from there; a smaller one is removed. */
  readonly keepPart: string;
}

export interface ImagesOptions {
  /** The cache's folder; made when first needed. */
  readonly dir: string;
  readonly limits?: Partial<ImageLimits>;
  /** PEM certificates trusted for https beside the well-known ones. */
  readonly ca?: string;
}

/** The image service. `resolve` is for the preview, `ensure` for the deployment; both may be asked by many at once. */
export interface Images {
  readonly resolve: (ctx: Context, source: ImageSource) => Promise<Resolved>;
  /** To deploy what the preview announced, pass the digest of `resolve` as `checksum`. */
  readonly ensure: (ctx: Context, source: ImageSource) => Promise<CachedImage>;
  /** Remove everything of a digest, half-fetched parts too. Gone already is success. */
  readonly forget: (digest: string) => Promise<void>;
  readonly list: () => Promise<readonly CacheEntry[]>;
}
