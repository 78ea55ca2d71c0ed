import { chmod, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../../kernel/files.ts";
import { tryLock } from "./lock.ts";
import { canonicalDigest } from "./source.ts";
import type { CacheEntry } from "./types.ts";

/**
 * The content-addressed cache: `<dir>/<algorithm>/<hex>/image` (or `file`) and beside it the record, written last.
 * Only with a record does an entry exist. `<dir>/work` holds what is under way.
 */
type Kind = "image" | "file";
type EntryRecord = Omit<CacheEntry, "path"> & { readonly modified: number };

const kindOf = (plainFile: boolean): Kind => (plainFile ? "file" : "image");
const folderOf = (dir: string, digest: string) => join(dir, ...digest.split(":"));
const week = 7 * 24 * 3_600_000;

/** Where the work on a digest, or on a location of unknown digest, lies; its lock is `<folder>.lock`. */
export const workFolder = (dir: string, name: string, plainFile: boolean): string =>
  join(dir, "work", `${name.replace(":", "-")}-${kindOf(plainFile)}`);

/** An entry, if it is there and nobody touched its file. */
export async function findEntry(
  dir: string,
  digest: string,
  plainFile: boolean,
): Promise<CacheEntry | undefined> {
  const path = join(folderOf(dir, digest), kindOf(plainFile));
  try {
    const { modified, ...record } = JSON.parse(await readFile(`${path}.json`, "utf8")) as EntryRecord;
    const seen = await stat(path);
    return seen.size === record.bytes && seen.mtimeMs === modified ? { ...record, path } : undefined;
  } catch {
    return undefined;
  }
}

/** Move a verified, flushed file into the cache. The caller holds the digest's lock. */
export async function admit(dir: string, from: string, entry: Omit<CacheEntry, "path">): Promise<CacheEntry> {
  const folder = folderOf(dir, entry.digest);
  const path = join(folder, kindOf(entry.plainFile));
  await mkdir(folder, { recursive: true });
  await rm(`${path}.json`, { force: true });
  await chmod(from, 0o444);
  await rename(from, path);
  const { mtimeMs: modified } = await stat(path);
  const record: EntryRecord = { ...entry, modified };
  await writeAtomically(`${path}.json`, JSON.stringify(record));
  return { ...entry, path };
}

/** Every whole entry. */
export async function listEntries(dir: string): Promise<readonly CacheEntry[]> {
  const found: CacheEntry[] = [];
  for (const algorithm of ["sha256", "sha512"]) {
    for (const hex of (await readdir(join(dir, algorithm)).catch(() => [])).sort()) {
      for (const plainFile of [false, true]) {
        const entry = await findEntry(dir, `${algorithm}:${hex}`, plainFile);
        if (entry) found.push(entry);
      }
    }
  }
  return found;
}

/** Remove a digest's entries and parts. A file that is being read stays readable for who has it open. */
export async function removeEntries(dir: string, digest: string): Promise<void> {
  const canonical = canonicalDigest(digest);
  if (canonical === undefined) return;
  await rm(folderOf(dir, canonical), { recursive: true, force: true });
  for (const plainFile of [false, true]) await removeWork(workFolder(dir, canonical, plainFile));
}

/** Remove what killed processes left and nobody went on with for a week. */
export async function sweep(dir: string): Promise<void> {
  const names = await readdir(join(dir, "work")).catch(() => []);
  for (const name of names) {
    const path = join(dir, "work", name);
    const seen = await stat(path).catch(() => undefined);
    if (seen === undefined || Date.now() - seen.mtimeMs < week) continue;
    if (/\.lock\.\w+$/.test(name)) await rm(path, { recursive: true, force: true });
    else if (name.endsWith(".lock")) await (await tryLock(path))?.release();
    else await removeWork(path);
  }
}

/** Only where nobody is at work. */
async function removeWork(folder: string): Promise<void> {
  const lock = await tryLock(`${folder}.lock`);
  if (lock === undefined) return;
  await rm(folder, { recursive: true, force: true });
  await lock.release();
}
