import { type Kysely, sql } from "kysely";
import { siteErrors } from "../../errors.ts";

/** Each entry brings the store from its index to the next. Never edited once released; only appended to. */
const migrations: readonly (readonly string[])[] = [
  [
    `CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT`,
    `CREATE TABLE records (collection TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL, spec TEXT NOT NULL,
       state TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL, PRIMARY KEY (collection, name)) STRICT`,
    `CREATE TABLE removals (collection TEXT NOT NULL, name TEXT NOT NULL, owner TEXT NOT NULL, at TEXT NOT NULL,
       PRIMARY KEY (collection, name, owner)) STRICT`,
    `CREATE TABLE claims (node TEXT PRIMARY KEY, instance TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
       at TEXT NOT NULL) STRICT`,
    `CREATE TABLE deployments (instance TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, node TEXT NOT NULL,
       record TEXT NOT NULL, updated TEXT NOT NULL) STRICT`,
    `CREATE TABLE disks (node TEXT NOT NULL, disk TEXT NOT NULL, instance TEXT NOT NULL, owner TEXT NOT NULL,
       state TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (node, disk)) STRICT`,
    `CREATE TABLE journal (seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, deployment TEXT NOT NULL,
       step TEXT NOT NULL, phase TEXT NOT NULL, detail TEXT NOT NULL) STRICT`,
    `CREATE INDEX journal_of_deployment ON journal (deployment, seq)`,
    `CREATE TABLE memory (controller TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
       PRIMARY KEY (controller, key)) STRICT`,
  ],
  [
    `CREATE TABLE plans (instance TEXT NOT NULL, owner TEXT NOT NULL, inputs TEXT NOT NULL, effect TEXT NOT NULL,
       token TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (instance, owner)) STRICT`,
  ],
  [
    `CREATE TABLE phones (deployment TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, heard TEXT,
       at TEXT NOT NULL) STRICT`,
  ],
  [`CREATE TABLE visits (node TEXT PRIMARY KEY, record TEXT NOT NULL, updated TEXT NOT NULL) STRICT`],
  [`CREATE TABLE strangers (mac TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT`],
  [`CREATE TABLE drive_passwords (node TEXT PRIMARY KEY, password TEXT NOT NULL, at TEXT NOT NULL) STRICT`],
  [
    `CREATE TABLE tokens (name TEXT PRIMARY KEY, digest TEXT NOT NULL UNIQUE, owner TEXT NOT NULL,
       scope TEXT NOT NULL, created TEXT NOT NULL) STRICT`,
  ],
  [
    `CREATE TABLE requests (key TEXT PRIMARY KEY, owner TEXT NOT NULL, request TEXT NOT NULL,
       at TEXT NOT NULL) STRICT`,
  ],
  [`ALTER TABLE tokens ADD COLUMN expires TEXT`],
  [`CREATE TABLE asked (owner TEXT PRIMARY KEY, requests TEXT NOT NULL, at TEXT NOT NULL) STRICT`],
];

/** Bring a store to the format of this version. A store of a newer version is refused, untouched. */
export async function migrate<T>(db: Kysely<T>): Promise<void> {
  const { rows } = await sql<{ user_version: number }>`PRAGMA user_version`.execute(db);
  const found = rows[0]?.user_version ?? 0;
  if (found > migrations.length) throw siteErrors.make("STORE_NEWER", { found, known: migrations.length });
  for (const [index, statements] of migrations.entries()) {
    if (index < found) continue;
    await db.transaction().execute(async (tx) => {
      for (const statement of statements) await sql.raw(statement).execute(tx);
      await sql.raw(`PRAGMA user_version = ${index + 1}`).execute(tx);
    });
  }
}
