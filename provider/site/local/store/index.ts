import { randomUUID } from "node:crypto";
import { resources } from "../../../resources/index.ts";
import type { CollectionName } from "../../../resources/resource.ts";
import { mapSecrets, secretPaths } from "../../../resources/secrets.ts";
import type { Ref, Spec, State } from "../../site.ts";
import { type AskedPlans, openAsked } from "./asked.ts";
import { type Backups, openBackups } from "./backup.ts";
import { type Claims, openClaims } from "./claims.ts";
import { type Deployments, openDeployments } from "./deployments.ts";
import { type DrivePasswords, openDrivePasswords } from "./drive-passwords.ts";
import { withLists } from "./lists.ts";
import { type Db, openDb, settle } from "./open.ts";
import { type Owners, openOwners } from "./owners.ts";
import { openPhones, type Phones } from "./phones.ts";
import { openPlans, type Plans } from "./plans.ts";
import { openRequests, type Requests } from "./requests.ts";
import { mark, openSeal, type Seal } from "./seal.ts";
import { openStrangers, type Strangers } from "./strangers.ts";
import { openTokens, type Tokens } from "./tokens.ts";
import { openVisits, type Visits } from "./visits.ts";

/** One declared thing, secrets opened. */
export interface StoredRecord {
  readonly ref: Ref;
  readonly spec: Spec;
  readonly state: State;
}

/** All that a site remembers: inventory, claims, deployments, journal. One process owns it. */
export interface Store
  extends Claims,
    Deployments,
    Phones,
    Visits,
    DrivePasswords,
    Strangers,
    Plans,
    Owners,
    Requests,
    AskedPlans,
    Tokens,
    Backups {
  readonly siteId: string;
  readonly get: (collection: CollectionName, name: string) => Promise<StoredRecord | undefined>;
  readonly all: (collection: CollectionName) => Promise<readonly StoredRecord[]>;
  readonly put: (collection: CollectionName, record: StoredRecord) => Promise<void>;
  /** Change some outputs of a record that is there. */
  readonly patch: (collection: CollectionName, name: string, state: State) => Promise<void>;
  /** Remove it and remember that its owner did. */
  readonly drop: (collection: CollectionName, ref: Ref) => Promise<void>;
  readonly wasDropped: (collection: CollectionName, ref: Ref) => Promise<boolean>;
  readonly remember: (controller: string, key: string, value: string | undefined) => Promise<void>;
  readonly recall: (controller: string, key: string) => Promise<string | undefined>;
  readonly close: () => Promise<void>;
}

export async function openStore(stateDir: string): Promise<Store> {
  const db = await openDb(stateDir);
  try {
    const store = await storeOver(db, await openSeal(stateDir, () => holdsSealed(db)));
    return { ...store, ...withLists(store), ...openBackups(db, stateDir) };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

async function holdsSealed(db: Db): Promise<boolean> {
  const row = db.selectFrom("records").select("name").where("spec", "like", `%"${mark}%`);
  return (await row.executeTakeFirst()) !== undefined || (await anyDeployment(db));
}
const anyDeployment = async (db: Db) =>
  (await db.selectFrom("deployments").select("id").executeTakeFirst()) !== undefined;

async function storeOver(db: Db, seal: Seal): Promise<Omit<Store, keyof Backups>> {
  const codec = recordCodec(seal);
  const row = (collection: CollectionName, name: string) =>
    db.selectFrom("records").selectAll().where("collection", "=", collection).where("name", "=", name);

  return {
    siteId: await siteIdOf(db),
    ...openClaims(db),
    ...openDeployments(db, seal),
    ...openPhones(db),
    ...openVisits(db, seal),
    ...openDrivePasswords(db, seal),
    ...openStrangers(db),
    ...openPlans(db),
    ...openOwners(db),
    ...openRequests(db, seal),
    ...openAsked(db, seal),
    ...openTokens(db),
    async get(collection, name) {
      const found = await row(collection, name).executeTakeFirst();
      return found && codec.decode(collection, found);
    },
    async all(collection) {
      const rows = await db
        .selectFrom("records")
        .selectAll()
        .where("collection", "=", collection)
        .orderBy("name")
        .execute();
      return rows.map((found) => codec.decode(collection, found));
    },
    async put(collection, record) {
      const now = new Date().toISOString();
      const { spec, state } = codec.encode(collection, record);
      const { name, owner } = record.ref;
      await db
        .insertInto("records")
        .values({ collection, name, owner, spec, state, created: now, updated: now })
        .onConflict((oc) =>
          oc.columns(["collection", "name"]).doUpdateSet({ owner, spec, state, updated: now }),
        )
        .execute();
      await db.deleteFrom("removals").where("collection", "=", collection).where("name", "=", name).execute();
    },
    async patch(collection, name, state) {
      const found = await row(collection, name).executeTakeFirst();
      if (!found) return;
      const merged = JSON.stringify({ ...(JSON.parse(found.state) as State), ...state });
      await db
        .updateTable("records")
        .set({ state: merged, updated: new Date().toISOString() })
        .where("collection", "=", collection)
        .where("name", "=", name)
        .execute();
    },
    async drop(collection, { name, owner }) {
      await db.transaction().execute(async (tx) => {
        await tx
          .deleteFrom("records")
          .where("collection", "=", collection)
          .where("name", "=", name)
          .execute();
        await tx
          .insertInto("removals")
          .values({ collection, name, owner, at: new Date().toISOString() })
          .onConflict((oc) => oc.doNothing())
          .execute();
      });
    },
    async wasDropped(collection, { name, owner }) {
      const query = db.selectFrom("removals").select("name").where("collection", "=", collection);
      return (
        (await query.where("name", "=", name).where("owner", "=", owner).executeTakeFirst()) !== undefined
      );
    },
    async remember(controller, key, value) {
      await db.deleteFrom("memory").where("controller", "=", controller).where("key", "=", key).execute();
      if (value !== undefined) await db.insertInto("memory").values({ controller, key, value }).execute();
    },
    async recall(controller, key) {
      const query = db.selectFrom("memory").select("value").where("controller", "=", controller);
      return (await query.where("key", "=", key).executeTakeFirst())?.value;
    },
    async close() {
      await settle(db);
      await db.destroy();
    },
  };
}

async function siteIdOf(db: Db): Promise<string> {
  const row = await db.selectFrom("meta").select("value").where("key", "=", "siteId").executeTakeFirst();
  if (row) return row.value;
  const value = randomUUID();
  await db.insertInto("meta").values({ key: "siteId", value }).execute();
  return value;
}

interface Row {
  readonly name: string;
  readonly owner: string;
  readonly spec: string;
  readonly state: string;
}

/** Records as JSON text, the fields that a schema marks secret sealed. */
function recordCodec(seal: Seal) {
  const paths = Object.fromEntries(
    Object.entries(resources).map(([collection, definition]) => [collection, secretPaths(definition)]),
  ) as Record<CollectionName, readonly string[]>;
  return {
    encode: (collection: CollectionName, { spec, state }: StoredRecord) => ({
      spec: JSON.stringify(mapSecrets(spec, paths[collection], seal.close)),
      state: JSON.stringify(mapSecrets(state, paths[collection], seal.close)),
    }),
    decode: (collection: CollectionName, row: Row): StoredRecord => ({
      ref: { owner: row.owner, name: row.name },
      spec: mapSecrets(JSON.parse(row.spec) as Spec, paths[collection], seal.open),
      state: mapSecrets(JSON.parse(row.state) as State, paths[collection], seal.open),
    }),
  };
}
