import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { RamdiskArch } from "../../kernel/arch.ts";
import type { Context } from "../../kernel/context.ts";
import { hasCode } from "../../kernel/errors.ts";
import { writeAtomically } from "../../kernel/files.ts";
import { run } from "../../kernel/process.ts";
import { showBytes } from "../../kernel/units.ts";
import { type Additions, fingerprintOf } from "./additions.ts";
import { openArchive } from "./archive.ts";
import { alone, sweep } from "./cache.ts";
import { type Contents, contentsOf } from "./contents.ts";
import { encodeCpio } from "./cpio.ts";
import { cannotBuild } from "./errors.ts";
import { type ExtraInitrd, extras, type Flavour } from "./flavours.ts";
import { choosePackages, download, uncompressModules, unpack } from "./packages.ts";
import { findKernel, readAssets, treeOf } from "./tree.ts";

export interface RamdiskOptions extends Additions {
  readonly flavour: Flavour;
  readonly arch: RamdiskArch;
  /** With what such a visit needs beside the rest. */
  readonly extra?: ExtraInitrd | undefined;
  /** Where downloads and results are kept; may be shared by processes and thrown away at any time. */
  readonly cacheDir: string;
  /** Look for newer packages instead of taking what was built before. */
  readonly refresh?: boolean;
}

/** Files that a network boot loader can serve. */
export interface BuiltRamdisk {
  /** Path of the kernel, signed by the distribution. */
  readonly kernel: string;
  /** Path of the compressed cpio archive. */
  readonly ramdisk: string;
  /** `6.1.0-56-amd64` */
  readonly kernelVersion: string;
  /** `sha256:…` over kernel and ramdisk. */
  readonly digest: string;
  readonly packages: readonly { readonly name: string; readonly version: string }[];
  /** Path of the list of what it is made of: packages and files with their digests. */
  readonly contents: string;
}

// Raise it when the same packages and scripts would give another ramdisk.
const recipeVersion = 2;
const stage = "building the deploy ramdisk";

/**
 * The deploy ramdisk, built once from the distribution's packages: nothing is installed, no root is needed. Later calls,
 * by any process, find it in the cache. Throws RAMDISK_CANNOT_BUILD, RAMDISK_NO_FOREIGN_PACKAGES or RAMDISK_DOWNLOAD_FAILED.
 */
export async function buildRamdisk(ctx: Context, options: RamdiskOptions): Promise<BuiltRamdisk> {
  const index = await indexOf(options);
  const ready = options.refresh ? undefined : await readIndex(options.cacheDir, index);
  if (ready !== undefined) return ready;
  return await alone(ctx, `${index}.lock`, async () => {
    const meanwhile = options.refresh ? undefined : await readIndex(options.cacheDir, index);
    if (meanwhile !== undefined) return meanwhile;
    await sweep(options.cacheDir, "building");
    const work = await mkdtemp(join(options.cacheDir, ".building-"));
    try {
      const built = await buildIn(ctx, work, options);
      await writeAtomically(index, `${JSON.stringify(built, null, 2)}\n`);
      return located(options.cacheDir, built);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  });
}

/** The same, only if it was built before; nothing is done. */
export const builtRamdisk = async (options: RamdiskOptions): Promise<BuiltRamdisk | undefined> =>
  readIndex(options.cacheDir, await indexOf(options));

/** What is in the cache of a ramdisk that was built before, by name: its index and its folder. */
export async function cacheNames(options: RamdiskOptions): Promise<readonly string[]> {
  const built = await builtRamdisk(options);
  return built ? [basename(await indexOf(options)), basename(dirname(built.kernel))] : [];
}

const indexOf = async (options: RamdiskOptions): Promise<string> =>
  join(options.cacheDir, `${options.flavour}-${options.arch}-${await recipeOf(options)}.json`);

/** What the index holds: names of files relative to the cache, so that it may be moved. */
interface Entry extends BuiltRamdisk {
  readonly sizes: readonly [kernel: number, ramdisk: number];
}

function located(cacheDir: string, { sizes: _, ...built }: Entry): BuiltRamdisk {
  const at = (path: string) => join(cacheDir, path);
  return { ...built, kernel: at(built.kernel), ramdisk: at(built.ramdisk), contents: at(built.contents) };
}

async function readIndex(cacheDir: string, index: string): Promise<BuiltRamdisk | undefined> {
  try {
    const entry: Entry = JSON.parse(await readFile(index, "utf8"));
    const built = located(cacheDir, entry);
    const sizes = [(await stat(built.kernel)).size, (await stat(built.ramdisk)).size];
    return sizes.every((size, i) => size === entry.sizes[i]) ? built : undefined;
  } catch {
    // Nothing there, or not whole: built anew.
    return undefined;
  }
}

/** A short digest of everything on our side that decides what the ramdisk is. */
async function recipeOf({ flavour, extra, ...options }: RamdiskOptions): Promise<string> {
  const words = [recipeVersion, flavour, ...(extra === undefined ? [] : [extra])];
  const hash = createHash("sha256").update(JSON.stringify(words));
  hash.update(await fingerprintOf(options));
  for (const [name, content] of await readAssets()) hash.update(`${name}\0${content}\0`);
  return hash.digest("hex").slice(0, 12);
}

async function buildIn(ctx: Context, work: string, options: RamdiskOptions): Promise<Entry> {
  ctx.report({ stage, note: "choosing packages" });
  const archive = await openArchive(ctx, options.arch, options.cacheDir);
  const packages = await choosePackages(ctx, archive, extras(options.flavour, options.extra));
  ctx.report({ stage, note: `downloading ${packages.length} packages` });
  const files = await download(ctx, archive, join(options.cacheDir, "packages"), packages);
  ctx.report({ stage, note: "unpacking the kernel" });
  for (const file of files.values()) await unpack(ctx, file, join(work, "root"));
  await uncompressModules(ctx, join(work, "root"));
  const kernel = await findKernel(join(work, "root"));
  const entries = await treeOf({ ...options, root: join(work, "root"), kernel });
  const plain = encodeCpio(entries);
  ctx.report({ stage, note: `compressing ${showBytes(plain.length)}` });
  const ramdisk = await compress(ctx, work, plain, options.flavour);
  return await keep(
    options.cacheDir,
    work,
    { image: await readFile(kernel.image), ramdisk, contents: await contentsOf(packages, files, entries) },
    kernel.version,
  );
}

/** zstd where it is installed: it starts faster. The kernel understands gzip too. */
async function compress(ctx: Context, work: string, archive: Buffer, flavour: Flavour): Promise<Buffer> {
  const [plain, packed] = [join(work, "archive.cpio"), join(work, "archive.zst")];
  await writeFile(plain, archive);
  const level = flavour === "lab" ? "-12" : "-9";
  try {
    const { code, stderr } = await run(ctx, "zstd", ["-q", level, "-T0", "-o", packed, plain]);
    if (code !== 0) throw cannotBuild(`zstd failed: ${stderr.trim()}`);
    return await readFile(packed);
  } catch (error) {
    if (!hasCode(error, "PROGRAM_MISSING")) throw error;
    return await promisify(gzip)(archive, { level: 9 });
  }
}

interface Parts {
  readonly image: Buffer;
  readonly ramdisk: Buffer;
  readonly contents: Contents;
}

async function keep(cacheDir: string, work: string, parts: Parts, kernelVersion: string): Promise<Entry> {
  const { image, ramdisk, contents } = parts;
  const sum = (bytes: Buffer) => createHash("sha256").update(bytes).digest();
  const digest = createHash("sha256").update(sum(image)).update(sum(ramdisk)).digest("hex");
  const folder = digest.slice(0, 16);
  const draft = join(work, folder);
  await mkdir(draft);
  await writeFile(join(draft, "vmlinuz"), image);
  await writeFile(join(draft, "ramdisk"), ramdisk);
  await writeFile(join(draft, "contents.json"), `${JSON.stringify(contents, null, 2)}\n`);
  // The same content may lie there already, from another builder or another version of the packages.
  if ((await readdir(cacheDir)).includes(folder)) await rm(join(cacheDir, folder), { recursive: true });
  await rename(draft, join(cacheDir, folder));
  return {
    kernel: join(folder, "vmlinuz"),
    ramdisk: join(folder, "ramdisk"),
    kernelVersion,
    digest: `sha256:${digest}`,
    packages: contents.packages.map(({ name, version }) => ({ name, version })),
    contents: join(folder, "contents.json"),
    sizes: [image.length, ramdisk.length],
  };
}
