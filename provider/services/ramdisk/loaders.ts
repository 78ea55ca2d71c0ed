import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { debianName, type RamdiskArch } from "../../kernel/arch.ts";
import type { Context } from "../../kernel/context.ts";
import { openArchive } from "./archive.ts";
import { alone, sweep } from "./cache.ts";
import { cannotBuild } from "./errors.ts";
import { download, lookUp, unpack } from "./packages.ts";

/** Where boot loaders lie that this host cannot install, below it as their packages lay them. */
export const loadersFolder = (cacheDir: string, arch: RamdiskArch): string =>
  join(cacheDir, `loaders-${debianName[arch]}`);

/**
 * The distribution's signed boot loaders for UEFI servers of an architecture that is not this host's: fetched once, and only
 * unpacked. RAMDISK_CANNOT_BUILD, RAMDISK_NO_FOREIGN_PACKAGES, RAMDISK_DOWNLOAD_FAILED.
 */
export async function fetchLoaders(ctx: Context, arch: RamdiskArch, cacheDir: string): Promise<void> {
  const folder = loadersFolder(cacheDir, arch);
  const isThere = () =>
    stat(folder).then(
      () => true,
      () => false,
    );
  if (await isThere()) return;
  await alone(ctx, `${folder}.lock`, async () => {
    if (await isThere()) return;
    await sweep(cacheDir, "loaders");
    const draft = await mkdtemp(join(cacheDir, ".loaders-"));
    try {
      ctx.report({ stage: "fetching boot loaders", note: `shim and GRUB for ${arch}` });
      const archive = await openArchive(ctx, arch, cacheDir);
      const names = ["shim-signed", `grub-efi-${archive.debian}-signed`];
      const packages = await lookUp(ctx, archive, names);
      const missing = names.find((name) => !packages.some((one) => one.name === name));
      if (missing !== undefined) throw cannotBuild(`its package lists for ${arch} do not know ${missing}`);
      await mkdir(join(cacheDir, "packages"), { recursive: true });
      const files = await download(ctx, archive, join(cacheDir, "packages"), packages);
      for (const file of files.values()) await unpack(ctx, file, draft);
      await rename(draft, folder);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  });
}
