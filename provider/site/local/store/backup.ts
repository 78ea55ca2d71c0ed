import { chmod, copyFile, mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { sql } from "kysely";
import { siteErrors } from "../../errors.ts";
import { type Db, storeFile } from "./open.ts";
import { keyFile } from "./seal.ts";

/** Copies of a store while it is worked with. */
export interface Backups {
  /**
   * A consistent copy of store and key into a folder that is empty, or is made in one that exists; only its owner may
   * read it. It is on disk when this answers its bytes. A failure leaves no half of it behind.
   */
  readonly backup: (folder: string) => Promise<number>;
}

export function openBackups(db: Db, stateDir: string): Backups {
  return {
    async backup(folder) {
      await takeFolder(folder);
      const [store, key] = [storeFile(folder), keyFile(folder)];
      try {
        await sql`VACUUM INTO ${store}`.execute(db);
        await copyFile(keyFile(stateDir), key);
        let bytes = 0;
        for (const file of [store, key]) {
          await chmod(file, 0o600);
          await flush(file); // SQLite does not do it for a VACUUM INTO (sqlite.org/lang_vacuum.html)
          bytes += (await stat(file)).size;
        }
        await flush(folder);
        return bytes;
      } catch (error) {
        for (const file of [store, key]) await rm(file, { force: true });
        throw refused(folder, error);
      }
    },
  };
}

/** Make the folder, or take it as it is if it is empty, and keep it to its owner. */
async function takeFolder(folder: string): Promise<void> {
  // The helper's working directory is not that of whoever asks.
  if (!isAbsolute(folder)) throw refused(folder, "it is not an absolute path");
  try {
    // Not with the folders above it: below /proc, say, Node would try for ever.
    await mkdir(folder, { mode: 0o700 }).catch((error) => {
      if (error.code !== "EEXIST") throw error;
    });
    if ((await readdir(folder)).length > 0) throw refused(folder, "it is not empty");
    await chmod(folder, 0o700);
  } catch (error) {
    throw refused(folder, error);
  }
}

function refused(folder: string, why: unknown): unknown {
  const { code } = why as NodeJS.ErrnoException;
  const system = why instanceof Error && typeof code === "string" && /^(E[A-Z]+|SQLITE_\w+)$/.test(code);
  if (typeof why !== "string" && !system) return why;
  const reason = typeof why === "string" ? why : why.message;
  return siteErrors.make("STORE_BACKUP_FOLDER", { folder, reason }, { cause: why });
}

/** Have the content of a file, or the names in a folder, on disk. */
export async function flush(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
