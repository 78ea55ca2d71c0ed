import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { newContext } from "../../provider/kernel/context.ts";
import { alone } from "../../provider/services/ramdisk/cache.ts";
import { identityOf, makeParts, makeRoot, readScripts } from "./system.ts";
import type { ImageFile, TestImages } from "./types.ts";
import { makeWhole, wholeSize } from "./whole.ts";

export type { ImageFile, PartitionImage, TestImages, WholeDiskImage } from "./types.ts";

// Raise it when the same scripts would give other images.
const recipe = 3;
const rootSize = 300 * 2 ** 20;

/** Where the set-up, the demo and the tests keep test images: this user's cache folder. */
export function imageCache(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "pulumi-baremetal/lab");
}

/**
 * Two small operating systems, made without root from the distribution's kernel and busybox. The first call downloads
 * packages: make it before entering a lab, which has no way out. Kept below `cacheDir`
 * (`packages/` there is the deploy ramdisk's too); a second call, by any process, only reads a file. Another `release`
 * gives images with other content and another banner: for tests that reinstall.
 */
export async function buildTestImages(cacheDir: string, release = "1"): Promise<TestImages> {
  const folder = join(cacheDir, `test-images-${release}-${await recipeDigest()}`);
  const ready = await readManifest(folder);
  if (ready !== undefined) return ready;
  return await alone(newContext(), `${folder}.lock`, async () => {
    const meanwhile = await readManifest(folder);
    if (meanwhile !== undefined) return meanwhile;
    const work = await mkdtemp(join(cacheDir, ".images-"));
    try {
      await build(join(cacheDir, "packages"), work, release);
      await rm(folder, { recursive: true, force: true });
      await rename(join(work, "result"), folder);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    const built = await readManifest(folder);
    if (built === undefined) throw new Error(`the test images in ${folder} are not whole`);
    return built;
  });
}

/** Of all that decides what a test system is. */
export async function recipeDigest(): Promise<string> {
  const hash = createHash("sha256").update(String(recipe));
  for (const [name, text] of await readScripts()) hash.update(`${name}\0${text}\0`);
  return hash.digest("hex").slice(0, 12);
}

/** The manifest names its files relative to its folder, so that the cache may be moved. */
async function readManifest(folder: string): Promise<TestImages | undefined> {
  try {
    const { partition, whole }: TestImages = JSON.parse(
      await readFile(join(folder, "manifest.json"), "utf8"),
    );
    const located = async (file: ImageFile): Promise<ImageFile> => {
      const path = join(folder, file.path);
      if ((await stat(path)).size !== file.size) throw new Error("cut short");
      return { ...file, path };
    };
    const { root, kernel, ramdisk } = partition;
    return {
      partition: {
        ...partition,
        root: await located(root),
        kernel: await located(kernel),
        ramdisk: await located(ramdisk),
      },
      whole: { ...whole, disk: await located(whole.disk) },
    };
  } catch {
    // Nothing there, or not whole: built anew.
    return undefined;
  }
}

async function build(packages: string, work: string, release: string): Promise<void> {
  const result = join(work, "result");
  await mkdir(result);
  const parts = await makeParts(packages, work);
  const keep = async (file: string, name = basename(file)): Promise<ImageFile> => {
    const path = join(result, name);
    // Moved, not copied: a sparse file stays sparse.
    await rename(file, path);
    return { path: name, size: (await stat(path)).size, checksum: await sum(path) };
  };
  const [linux, disk] = [identityOf("lablinux", release), identityOf("labdisk", release)];
  const root = await keep(await makeRoot(work, parts, linux, rootSize));
  const whole = await keep(await makeWhole(work, parts, disk));
  const images: TestImages = {
    partition: {
      ...linux,
      banner: `SSH-2.0-${linux.name}`,
      root,
      kernel: await keep(parts.kernel, "vmlinuz"),
      ramdisk: await keep(parts.initramfs, "initramfs.zst"),
    },
    whole: { ...disk, banner: `SSH-2.0-${disk.name}`, disk: whole, virtualSize: wholeSize },
  };
  await writeFile(join(result, "manifest.json"), `${JSON.stringify(images, null, 2)}\n`);
}

async function sum(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest("hex")}`;
}
