import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { newContext } from "../../provider/kernel/context.ts";
import { openArchive } from "../../provider/services/ramdisk/archive.ts";
import { alone } from "../../provider/services/ramdisk/cache.ts";
import { download, lookUp, unpack } from "../../provider/services/ramdisk/packages.ts";

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
