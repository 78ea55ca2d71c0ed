import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { siteErrors } from "../errors.ts";
import { inStore, storeFailure } from "./store/failures.ts";

/**
 * Keep a state folder to ourselves until `release`, or until we die: an exclusive transaction on a small SQLite file is
 * a lock of the operating system, which a crash cannot leave behind.
 */
export function lockStore(stateDir: string): { readonly release: () => void } {
  const database = inStore(stateDir, () => {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    return new Database(join(stateDir, "lock.db"), { timeout: 0 });
  });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database.close();
    throw storeFailure(stateDir, cause) ?? siteErrors.make("STORE_IN_USE", { stateDir }, { cause });
  }
  return { release: () => database.close() };
}
