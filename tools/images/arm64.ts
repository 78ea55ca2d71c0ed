import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { newContext } from "../../provider/kernel/context.ts";
import { openArchive } from "../../provider/services/ramdisk/archive.ts";
import { alone } from "../../provider/services/ramdisk/cache.ts";
import { fetchLoaders, loadersFolder } from "../../provider/services/ramdisk/loaders.ts";
import { download, lookUp, unpack } from "../../provider/services/ramdisk/packages.ts";
import { recipeDigest } from "./index.ts";
import { identityOf, makeParts } from "./system.ts";
import { makeWhole } from "./whole.ts";

// The emulator is a program of this host, the firmware data: both from the host's own package lists.
const names = ["qemu-system-arm", "qemu-efi-aarch64"];

/** Where `bringArm64` keeps it. */
export const arm64Folder = (cacheDir: string): string => join(cacheDir, "arm64");

/** QEMU for arm64 and its UEFI, fetched once and only unpacked. Outside of the lab, which has no way out. Answers the folder. */
export async function bringArm64(cacheDir: string): Promise<string> {
  const folder = arm64Folder(cacheDir);
  const isThere = async () => (await readdir(folder).catch(() => [])).length > 0;
  if (await isThere()) return folder;
  const ctx = newContext();
  return await alone(ctx, `${folder}.lock`, async () => {
    if (await isThere()) return folder;
    const packages = join(cacheDir, "packages");
    await mkdir(packages, { recursive: true });
    const draft = await mkdtemp(join(cacheDir, ".arm64-"));
    try {
      const host = await openArchive(ctx, "x86_64", cacheDir);
      const files = await download(ctx, host, packages, await lookUp(ctx, host, names));
      const missing = names.find((name) => !files.has(name));
      if (missing !== undefined) throw new Error(`the package lists of this host do not know ${missing}`);
      for (const file of files.values()) await unpack(ctx, file, draft);
      await rename(draft, folder);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
    return folder;
  });
}

/** A small operating system for arm64 servers: a whole-disk image that UEFI starts. Made once; answers the qcow2 file's path. */
export async function buildArm64Image(cacheDir: string): Promise<string> {
  const path = join(cacheDir, `labdisk-arm64-${await recipeDigest()}.qcow2`);
  const isThere = () => readdir(cacheDir).then((names) => names.includes(basename(path)));
  if (await isThere()) return path;
  const ctx = newContext();
  return await alone(ctx, `${path}.lock`, async () => {
    if (await isThere()) return path;
    const work = await mkdtemp(join(cacheDir, ".images-"));
    try {
      await fetchLoaders(ctx, "aarch64", cacheDir);
      const parts = await makeParts(join(cacheDir, "packages"), work, "aarch64");
      const made = { arch: "aarch64", unpacked: loadersFolder(cacheDir, "aarch64") } as const;
      await rename(await makeWhole(work, parts, identityOf("labdisk-arm64", "1"), made), path);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    return path;
  });
}
