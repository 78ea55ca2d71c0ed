import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { requireReadable, stampOf } from "../../services/images/copy.ts";
import { createImages, defaultLimits } from "../../services/images/index.ts";
import { inspect, sniffFile } from "../../services/images/inspect.ts";
import type { ImageFormat, ImageSource } from "../../services/images/types.ts";
import { siteErrors } from "../../site/errors.ts";
import type { State } from "../../site/site.ts";
import { type OutputOptions, type Shell, textOf } from "../shell.ts";

/** An image that lies on this host, uncompressed, and needs no other file. */
export interface OpenedImage {
  /** For people: what it was asked for by. */
  readonly shown: string;
  readonly path: string;
  readonly format: ImageFormat;
  /** Bytes it fills on a disk. */
  readonly virtualSize: number;
}

/** Find what is meant: a file, an address, or the name of an Image of the site. A packed file goes through the image cache. */
export async function openImage(shell: Shell, what: string, options: OutputOptions): Promise<OpenedImage> {
  const { ctx, cwd, settings } = shell;
  const source = await sourceOf(shell, what, options);
  const path = resolve(cwd, source.location);
  if (!isAddress(source.location)) {
    await stampOf(path);
    await requireReadable(path);
    if ((await sniffFile(path, path)).kind !== "compressed") {
      return { shown: what, path, ...(await inspect(ctx, path, path, defaultLimits.maxSize)) };
    }
  }
  const images = createImages({ dir: join(settings(options).cacheDir, "images") });
  const location = isAddress(source.location) ? source.location : path;
  const { path: unpacked, format, virtualSize } = await images.ensure(ctx, { ...source, location });
  return { shown: what, path: unpacked, format, virtualSize };
}

const isAddress = (location: string): boolean => /^https?:/i.test(location);

async function sourceOf(shell: Shell, what: string, options: OutputOptions): Promise<ImageSource> {
  if (isAddress(what) || what.includes("/") || (await isThere(resolve(shell.cwd, what)))) {
    return { location: what };
  }
  shell.settings(options); // refuses a site on another host, where the file is
  const all: readonly State[] = await shell.site(options).images.list(shell.ctx);
  const image = all.find(({ name }) => name === what);
  if (image === undefined) throw siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind: "Image", name: what });
  const checksum = textOf(image, "checksum");
  return { location: textOf(image, "source"), ...(checksum ? { checksum } : {}) };
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
