import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "libsql";
import { defineErrors } from "../../kernel/errors.ts";

export const lockErrors = defineErrors({
  STORE_IN_USE: {
    text: "another deploy helper has the store in {stateDir}",
    remedy: "Nothing to do: that one is used. If it hangs, end it; its pid is in the log beside the store.",
    fault: "site",
  },
});

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
    throw lockErrors.make("STORE_IN_USE", { stateDir }, { cause });
  }
  return { release: () => database.close() };
}
