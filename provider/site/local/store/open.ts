import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Kysely, SqliteDialect, sql } from "kysely";
import Database from "libsql";
import { migrate } from "./migrations.ts";
import type { Tables } from "./tables.ts";

export type Db = Kysely<Tables>;

/** A helper that ends has let its lock go and not yet its database: libsql closes that when its handle is collected. */
const patience = 20_000;

/** The database of a store, in its state folder or in a backup. */
export const storeFile = (stateDir: string): string => join(stateDir, "site.db");

/**
 * Open the store of a state folder, creating or migrating it. One process at a time: the helper holds the folder's
 * lock. WAL with synchronous=FULL, because an intent that is lost in a power cut would be a second writer.
 */
export async function openDb(stateDir: string): Promise<Db> {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const database = new Database(storeFile(stateDir), { timeout: patience });
  const db = new Kysely<Tables>({
    dialect: new SqliteDialect({
      // libsql offers better-sqlite3's interface; its own types differ in names only.
      database: database as unknown as ConstructorParameters<typeof SqliteDialect>[0]["database"] & object,
    }),
  });
  try {
    await sql`PRAGMA journal_mode = WAL`.execute(db);
    await sql`PRAGMA synchronous = FULL`.execute(db);
    await sql`PRAGMA foreign_keys = ON`.execute(db);
    await migrate(db);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}
