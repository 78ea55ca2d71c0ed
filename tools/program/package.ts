import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";

/** The package as a user of npm gets it. */
export interface Package {
  /** `npm pack`'s archive, kept under its own digest: what has not changed is the same file again. */
  readonly tarball: string;
  /** sha256 of the archive, in hexadecimal digits. */
  readonly digest: string;
}

/** Pack what is compiled in `repo` into `cache`. Compiling is set-up's part: it does it only when something changed. */
export async function preparePackage({ repo, cache }: { repo: string; cache: string }): Promise<Package> {
  const folder = join(cache, "packages");
  await mkdir(folder, { recursive: true });
  await dropOlder(folder);
  const draft = await mkdtemp(join(folder, ".draft-"));
  try {
    await execa("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", draft], {
      cwd: repo,
      timeout: 60_000,
    });
    const [file = ""] = await readdir(draft);
    const digest = createHash("sha256")
      .update(await readFile(join(draft, file)))
      .digest("hex");
    const tarball = join(folder, `pulumi-baremetal-${digest.slice(0, 16)}.tgz`);
    await rename(join(draft, file), tarball);
    return { tarball, digest };
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** Throw away what an earlier state of the code left in a cache folder: what is older than a day. */
export async function dropOlder(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const made = await stat(path).catch(() => undefined);
    if (made && Date.now() - made.mtimeMs > 86_400_000) await rm(path, { recursive: true, force: true });
  }
}
