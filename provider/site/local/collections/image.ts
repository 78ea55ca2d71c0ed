import { createHash } from "node:crypto";
import { isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Context } from "../../../kernel/context.ts";
import { MetalError } from "../../../kernel/errors.ts";
import { differences } from "../../../resources/compare.ts";
import { siteFile } from "../../../resources/fields.ts";
import { type ImageSpec, resources } from "../../../resources/index.ts";
import { imageErrors } from "../../../services/images/errors.ts";
import { uploadedAs } from "../../../services/images/source.ts";
import type { CachedImage, ImageSource } from "../../../services/images/types.ts";
import { siteErrors } from "../../errors.ts";
import type { Collection, Failure, Known, State } from "../../site.ts";
import { collectionOf, toFailure } from "../collection.ts";
import type { Parts } from "../parts.ts";
import type { StoredRecord } from "../store/index.ts";
import { usersOf } from "./users.ts";

/** Lay the boot files of the instances of an image again: its kernel has other words. */
export type Relay = (ctx: Context, image: string, spec: ImageSpec) => Promise<void>;

/** Images: looked at and hashed at preview, fetched and verified before any server is touched. */
export function images(parts: Parts, relay: Relay): Collection {
  return collectionOf<ImageSpec>("images", parts, {
    property: () => "source",
    absolute: (spec, known) => ({
      ...spec,
      source: locate(spec.source, known),
      ...(spec.kernel ? { kernel: { ...spec.kernel, source: locate(spec.kernel.source, known) } } : {}),
      ...(spec.ramdisk ? { ramdisk: { ...spec.ramdisk, source: locate(spec.ramdisk.source, known) } } : {}),
    }),
    async plan(ctx, ref, spec, { record, known }) {
      const { digest, failures } = await lookAt(ctx, parts, spec);
      if (digest === undefined) return { failures };
      const before = record?.spec["digest"] ?? record?.state["digest"];
      if (before === digest) return { computed: { digest } };
      const actions = [`fetch and verify image ${ref.name}`];
      const warnings = record ? await usersOf(parts, "image", ref.name) : lossesOf(parts, spec);
      // Its declaration may be as it was, with other bytes behind it.
      const olds = record && { ...(known.state ?? record.spec), digest: before };
      const changed = olds && differences(resources.images, olds, { ...spec, digest }).changed;
      const change = changed ? ({ effect: "in-place", changed } as const) : {};
      return { computed: { digest }, actions, warnings, ...change };
    },
    async ensure(ctx, ref, spec, { record }) {
      await fetchImage(ctx, parts, spec);
      const words = record && JSON.stringify((record.spec as ImageSpec).kernelArgs);
      if (words !== undefined && words !== JSON.stringify(spec.kernelArgs)) await relay(ctx, ref.name, spec);
      return { kind: kindOf(spec) };
    },
    observe: (ctx, record) => observeImage(ctx, parts, record),
    remove: async () => {},
  });
}

/** What a system loses when the embedded helper has gone; worth knowing before agreeing. */
const lossesOf = ({ settings }: Parts, spec: ImageSpec): readonly string[] =>
  kindOf(spec) === "whole-disk"
    ? []
    : [
        `a system of this partition image boots from the network at each start, as Nova did it: it cannot start again while no deploy helper runs, and the helper ends after ${settings.idle} without work`,
      ];

export const kindOf = (spec: ImageSpec) => (spec.kernel ? "partition" : "whole-disk");

/** The files of an image as the image service takes them: the disk first. */
export function filesOf(spec: ImageSpec): readonly ImageSource[] {
  const plain = [spec.kernel, spec.ramdisk].flatMap((file) =>
    file ? [{ ...source(file.source, file.checksum), plainFile: true }] : [],
  );
  const disk = source(spec.source, spec.checksum);
  return [spec.format ? { ...disk, declaredFormat: spec.format } : disk, ...plain];
}

/**
 * Where a program's words point, seen from here: an address as it is, `site:` a path of this host, what a client of another
 * host brings as what it is, and else a path from the program's folder, which is on this host then.
 */
export function locate(location: string, { folder, files = [] }: Known): string {
  if (/^https?:/i.test(location)) return location;
  const own = siteFile(location);
  const brought = files.find((file) => file.location === location);
  if (brought !== undefined) return uploadedAs(brought);
  const path = own ?? (location.startsWith("file://") ? fileURLToPath(location) : location);
  if ((folder === undefined || own !== undefined) && !isAbsolute(path)) {
    throw imageErrors.make("IMAGE_BAD_LOCATION", { source: location });
  }
  return resolve(folder ?? "/", path);
}

const source = (location: string, checksum?: string): ImageSource => ({
  location,
  ...(checksum === undefined ? {} : { checksum }),
});

/** Where the files of `filesOf` are named. */
const properties = ["source", "kernel.source", "ramdisk.source"] as const;

/** One digest for all files of an image, which is what an instance compares; or what is wrong with each of them. */
async function lookAt(
  ctx: Context,
  { images }: Parts,
  spec: ImageSpec,
): Promise<{ readonly digest?: string; readonly failures: readonly Failure[] }> {
  const looks = await Promise.allSettled(filesOf(spec).map((file) => images.resolve(ctx, file)));
  const failures = looks.flatMap((look, index) => {
    if (look.status === "fulfilled") return [];
    if (!(look.reason instanceof MetalError)) throw look.reason;
    return [toFailure(look.reason, properties[index] ?? "")];
  });
  if (failures.length > 0) return { failures };
  const digests = looks.flatMap((look) => (look.status === "fulfilled" ? [look.value.digest] : []));
  return { digest: digestOfFiles(digests), failures };
}

/** One digest for the files of an image: its only one, or a digest of theirs. */
export function digestOfFiles(digests: readonly string[]): string {
  const [only = ""] = digests;
  if (digests.length === 1) return only;
  return `sha256:${createHash("sha256").update(digests.join("\n")).digest("hex")}`;
}

export interface FetchedImage {
  readonly disk: CachedImage;
  readonly kernel?: string;
  readonly ramdisk?: string;
}

/** All files of an image, verified, in the cache: those that the preview announced, or an error. */
export async function fetchImage(ctx: Context, parts: Parts, spec: ImageSpec): Promise<FetchedImage> {
  const { images } = parts;
  if (spec.digest !== undefined) {
    const { digest } = await lookAt(ctx, parts, spec);
    // Where looking fails, fetching says why.
    const other = digest !== undefined && digest !== spec.digest;
    if (other) throw siteErrors.make("IMAGE_NOT_AS_PLANNED", { source: spec.source });
  }
  const [disk, kernel, ramdisk] = await Promise.all(filesOf(spec).map((file) => images.ensure(ctx, file)));
  if (!disk) throw new TypeError("an image has at least one file");
  return kernel && ramdisk ? { disk, kernel: kernel.path, ramdisk: ramdisk.path } : { disk };
}

/** What a refresh shows of an image: other bytes at its source, and files that are gone from the cache. */
async function observeImage(ctx: Context, parts: Parts, { ref, spec }: StoredRecord): Promise<State> {
  const image = spec as ImageSpec;
  const { digest, failures } = await lookAt(ctx, parts, image);
  for (const { reason } of failures) ctx.log.warn(reason, { image: ref.name });
  if (digest === undefined) return { drift: ["its source cannot be looked at"] };
  return { digest, drift: digest === image.digest ? await missingFrom(ctx, parts, image) : [] };
}

/** Files of an image that the cache has lost, if its source still shows what was fetched. */
async function missingFrom(ctx: Context, { images }: Parts, spec: ImageSpec): Promise<readonly string[]> {
  const cached = new Set((await images.list()).map(({ digest }) => digest));
  const lost: string[] = [];
  for (const file of filesOf(spec)) {
    const { digest } = await images.resolve(ctx, file);
    if (!cached.has(digest)) lost.push(`${file.location} is not in the image cache any more`);
  }
  return lost;
}
