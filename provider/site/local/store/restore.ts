import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import Database from "libsql";
import { hasCode } from "../../../kernel/errors.ts";
import { resources } from "../../../resources/index.ts";
import type { CollectionName } from "../../../resources/resource.ts";
import { siteErrors } from "../../errors.ts";
import { lockStore } from "../lock.ts";
import { flush } from "./backup.ts";
import { openStore } from "./index.ts";
import { storeFile } from "./open.ts";
import { keyFile } from "./seal.ts";

/** What a restore did. */
export interface Restored {
  readonly siteId: string;
  /** How many things the store declares. */
  readonly records: number;
  /** Where the store lies that was replaced. */
  readonly aside?: string;
}

/**
 * Put the store of a backup into a state folder that no helper works with. A copy of it is opened first: what cannot be
 * read is refused with nothing replaced. A store that was there is moved aside.
 */
export async function restoreStore(
  backup: string,
  stateDir: string,
  { replace, now }: { readonly replace: boolean; readonly now: Date },
): Promise<Restored> {
  const parts = await partsOfBackup(backup);
  const lock = lockStore(stateDir);
  try {
    const present = await partsOf(stateDir);
    if (present.length > 0 && !replace) throw siteErrors.make("STORE_WOULD_REPLACE", { stateDir });
    const draft = await mkdtemp(join(stateDir, "restoring-"));
    try {
      await copy(parts, backup, draft);
      // To open it changes it; what is put into place is as it was saved, and the helper brings it to its format.
      const opened = join(draft, "opened");
      await mkdir(opened, { mode: 0o700 });
      await copy(parts, backup, opened);
      const told = await examine(backup, opened);
      const aside = present.length > 0 ? await mkdtemp(join(stateDir, `replaced-${stamp(now)}-`)) : undefined;
      if (aside !== undefined) await move(present, stateDir, aside);
      await move(parts, draft, stateDir);
      forgetRequests(stateDir);
      await flush(stateDir);
      return { ...told, ...(aside === undefined ? {} : { aside }) };
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  } finally {
    lock.release();
  }
}

async function partsOfBackup(folder: string): Promise<readonly string[]> {
  const parts = await partsOf(folder).catch((error: Error) => {
    throw bad(folder, error.message, error);
  });
  const missing = [basename(keyFile(folder)), basename(storeFile(folder))].find(
    (name) => !parts.includes(name),
  );
  if (missing !== undefined) throw bad(folder, `it has no file ${missing}`);
  return parts;
}

/** Open the copy of a backup and read everything in it, so that a wrong key or a damaged file shows now. */
async function examine(backup: string, draft: string): Promise<Omit<Restored, "aside">> {
  try {
    const store = await openStore(draft);
    try {
      let records = 0;
      for (const collection of Object.keys(resources) as CollectionName[]) {
        const all = await store.all(collection);
        records += all.length;
        if (collection === "instances") for (const { ref } of all) await store.deployment(ref.name);
      }
      return { siteId: store.siteId, records };
    } finally {
      await store.close();
    }
  } catch (error) {
    if (hasCode(error, "STORE_NEWER")) throw error;
    throw bad(backup, (error as Error).message, error);
  }
}

const bad = (folder: string, reason: string, cause?: unknown) =>
  siteErrors.make("STORE_BACKUP_BAD", { folder, reason }, { cause });

/**
 * The files of a store: its key, the database, and, where that was not closed as it should be, the log beside it, which
 * holds its last records. What else SQLite makes it makes again.
 */
async function partsOf(folder: string): Promise<readonly string[]> {
  const [key, store] = [basename(keyFile(folder)), basename(storeFile(folder))];
  const names = await readdir(folder);
  return [key, store, `${store}-wal`].filter((name) => names.includes(name));
}

/** What was being done when it was saved is long over: no service may go on with it. */
function forgetRequests(stateDir: string): void {
  const database = new Database(storeFile(stateDir));
  try {
    const known = database.prepare("SELECT name FROM sqlite_master WHERE name = 'requests'").get();
    if (known !== undefined) database.exec("DELETE FROM requests");
  } finally {
    database.close();
  }
}

async function copy(names: readonly string[], from: string, to: string): Promise<void> {
  for (const name of names) {
    await copyFile(join(from, name), join(to, name));
    await chmod(join(to, name), 0o600);
    await flush(join(to, name));
  }
}

async function move(names: readonly string[], from: string, to: string): Promise<void> {
  for (const name of names) await rename(join(from, name), join(to, name));
  await rm(`${storeFile(from)}-shm`, { force: true }); // it belongs to the log that was moved
}

/** `20261103T120000Z`: sorts by time, and is a file name everywhere. */
const stamp = (now: Date) => now.toISOString().replace(/[-:]|\.\d+/g, "");
