import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { siteErrors } from "../errors.ts";

/**
 * Keep a state folder to ourselves until `release`, or until we die: an exclusive transaction on a small SQLite file is
 * a lock of the operating system, which a crash cannot leave behind.
 */
export function lockStore(stateDir: string): { readonly release: () => void } {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const database = new Database(join(stateDir, "lock.db"), { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    throw siteErrors.make("STORE_IN_USE", { stateDir }, { cause });
  }
  return { release: () => database.close() };
}
