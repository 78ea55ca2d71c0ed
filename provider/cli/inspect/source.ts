import { stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { requireReadable, stampOf } from "../../services/images/copy.ts";
import { createImages, defaultLimits } from "../../services/images/index.ts";
import { inspect, sniffFile } from "../../services/images/inspect.ts";
import type { ImageSource } from "../../services/images/types.ts";
import { siteErrors } from "../../site/errors.ts";
import type { State } from "../../site/site.ts";
import { type OutputOptions, type Shell, textOf } from "../shell.ts";
import { digestOfUpload, type OpenedImage, openCached } from "./cached.ts";

/** Find what is meant: a file, an address, or the name of an Image of the site. A packed file goes through the image cache. */
export async function openImage(shell: Shell, what: string, options: OutputOptions): Promise<OpenedImage> {
  const { ctx, cwd, settings } = shell;
  const source = await sourceOf(shell, what, options);
  if ("path" in source) return source;
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

async function sourceOf(
  shell: Shell,
  what: string,
  options: OutputOptions,
): Promise<ImageSource | OpenedImage> {
  if (isAddress(what) || what.includes("/") || (await isThere(resolve(shell.cwd, what)))) {
    return { location: what };
  }
  const { cacheDir } = shell.settings(options); // refuses a site on another host, where the file is
  if (/^sha\d+:/i.test(what)) return present(await openCached(cacheDir, what), what);
  const all: readonly State[] = await shell.site(options).images.list(shell.ctx);
  const image = all.find(({ name }) => name === what);
  if (image === undefined) return present(await openCached(cacheDir, what), what);
  const digest = digestOfUpload(textOf(image, "source"));
  if (digest !== undefined) return present(await openCached(cacheDir, digest), what);
  const checksum = textOf(image, "checksum");
  return { location: textOf(image, "source"), ...(checksum ? { checksum } : {}) };
}

function present(found: OpenedImage | undefined, name: string): OpenedImage {
  if (found === undefined) throw siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind: "Image", name });
  return found;
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
