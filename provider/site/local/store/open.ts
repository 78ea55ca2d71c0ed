import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Kysely, type SqliteDatabase, SqliteDialect, sql } from "kysely";
import Database from "libsql";
import { inStore } from "./failures.ts";
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
  const database = inStore(stateDir, () => {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    return new Database(storeFile(stateDir), { timeout: patience });
  });
  // libsql offers better-sqlite3's interface; its own types differ in names only.
  const asKysely = database as unknown as SqliteDatabase;
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: inWords(asKysely, stateDir) }) });
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

/**
 * Have all records in the one file, where a disk lets us: libsql does that as late as it closes a database, and a copy of that
 * file alone would lack what still lay beside it.
 */
export async function settle(db: Db): Promise<void> {
  await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db).catch(() => {});
}

/** The same database, which tells of a full or broken disk in words. */
function inWords(database: SqliteDatabase, stateDir: string): SqliteDatabase {
  const told = <T>(work: () => T): T => inStore(stateDir, work);
  return {
    close: () => database.close(),
    prepare(text) {
      const statement = told(() => database.prepare(text));
      // A failure that ended the transaction itself (a full disk does) would be hidden by that of its rollback.
      const ended = (error: unknown) => text === "rollback" && /no transaction is active/.test(String(error));
      return {
        reader: statement.reader,
        all: (values) => told(() => statement.all(values)),
        iterate: (values) => told(() => statement.iterate(values)),
        run(values) {
          try {
            return told(() => statement.run(values));
          } catch (error) {
            if (ended(error)) return { changes: 0, lastInsertRowid: 0 };
            throw error;
          }
        },
      };
    },
  };
}
