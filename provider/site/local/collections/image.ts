import { createHash } from "node:crypto";
import { resolve } from "node:path";
import type { Context } from "../../../kernel/context.ts";
import type { ImageSpec } from "../../../resources/index.ts";
import type { CachedImage, ImageSource } from "../../../services/images/types.ts";
import type { Collection } from "../../site.ts";
import { collectionOf } from "../collection.ts";
import type { Parts } from "../parts.ts";

/** Images: looked at and hashed at preview, fetched and verified before any server is touched. */
export function images(parts: Parts): Collection {
  const { store } = parts;
  return collectionOf<ImageSpec>("images", store, {
    property: () => "source",
    absolute: (spec, folder) => ({
      ...spec,
      source: locate(spec.source, folder),
      ...(spec.kernel ? { kernel: { ...spec.kernel, source: locate(spec.kernel.source, folder) } } : {}),
      ...(spec.ramdisk ? { ramdisk: { ...spec.ramdisk, source: locate(spec.ramdisk.source, folder) } } : {}),
    }),
    async plan(ctx, ref, spec, { record }) {
      const digest = await imageDigest(ctx, parts, spec);
      const actions = record?.state["digest"] === digest ? [] : [`fetch and verify image ${ref.name}`];
      return { computed: { digest }, actions };
    },
    async ensure(ctx, _, spec) {
      await fetchImage(ctx, parts, spec);
      return { kind: kindOf(spec) };
    },
    observe: async () => ({}),
    remove: async () => {},
  });
}

export const kindOf = (spec: ImageSpec) => (spec.kernel ? "partition" : "whole-disk");

/** The files of an image as the image service takes them: the disk first. */
function filesOf(spec: ImageSpec): readonly ImageSource[] {
  const plain = [spec.kernel, spec.ramdisk].flatMap((file) =>
    file ? [{ ...source(file.source, file.checksum), plainFile: true }] : [],
  );
  const disk = source(spec.source, spec.checksum);
  return [spec.format ? { ...disk, declaredFormat: spec.format } : disk, ...plain];
}

/** An address as it is, a path made absolute from the program's folder. */
export const locate = (location: string, folder: string): string =>
  /^https?:/i.test(location) ? location : resolve(folder, location);

const source = (location: string, checksum?: string): ImageSource => ({
  location,
  ...(checksum === undefined ? {} : { checksum }),
});

/** One digest for all files of an image: what an instance compares. */
export async function imageDigest(ctx: Context, { images }: Parts, spec: ImageSpec): Promise<string> {
  const digests = await Promise.all(
    filesOf(spec).map(async (file) => (await images.resolve(ctx, file)).digest),
  );
  if (digests.length === 1) return digests[0] ?? "";
  return `sha256:${createHash("sha256").update(digests.join("\n")).digest("hex")}`;
}

export interface FetchedImage {
  readonly disk: CachedImage;
  readonly kernel?: string;
  readonly ramdisk?: string;
}

/** All files of an image, verified, in the cache. */
export async function fetchImage(ctx: Context, { images }: Parts, spec: ImageSpec): Promise<FetchedImage> {
  const [disk, kernel, ramdisk] = await Promise.all(filesOf(spec).map((file) => images.ensure(ctx, file)));
  if (!disk) throw new TypeError("an image has at least one file");
  return kernel && ramdisk ? { disk, kernel: kernel.path, ramdisk: ramdisk.path } : { disk };
}
