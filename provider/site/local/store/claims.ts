import type { DiskRecord } from "../../../workflows/deployment.ts";
import type { Ref } from "../../site.ts";
import type { Db } from "./open.ts";

/** Who holds which node, and what was written where. */
export interface Claims {
  /** Take a node for an instance, atomically. false = somebody else holds it, or the instance holds another. */
  readonly claim: (node: string, instance: Ref) => Promise<boolean>;
  readonly release: (instance: string) => Promise<void>;
  readonly claimOf: (instance: string) => Promise<string | undefined>;
  /** Node name to the instance that holds it. */
  readonly claims: () => Promise<ReadonlyMap<string, string>>;
  /** Where else a disk of this identity holds an installed system, by our records. */
  readonly installedElsewhere: (
    node: string,
    disk: string,
  ) => Promise<{ readonly node: string; readonly instance: string } | undefined>;
  readonly diskRecord: (node: string, disk: string) => Promise<DiskRecord | undefined>;
  readonly keepDisk: (node: string, disk: string, instance: Ref, state: DiskRecord["state"]) => Promise<void>;
  /**
   * The instance's owner deleted it: what it left on this node may be overwritten, and what it began to write
   * elsewhere. An earlier instance of the name may have been kept, running, on another node. `unclean`: nobody gets the
   * node before they are cleaned.
   */
  readonly releaseDisks: (instance: string, node: string, as?: "released" | "unclean") => Promise<void>;
  /** What was written on the site's nodes and not cleaned since. */
  readonly disksLeft: () => Promise<readonly DiskLeft[]>;
  /** They are clean: nothing of ours is on them any more. */
  readonly forgetDisks: (node: string, disks: readonly string[]) => Promise<void>;
}

export interface DiskLeft extends DiskRecord {
  readonly node: string;
  /** Its lasting name; empty where nobody knows which disk it was. */
  readonly disk: string;
  readonly owner: string;
}

export function openClaims(db: Db): Claims {
  const now = () => new Date().toISOString();
  return {
    async claim(node, { name, owner }) {
      const held = await db.selectFrom("claims").selectAll().where("instance", "=", name).executeTakeFirst();
      if (held) return held.node === node;
      const result = await db
        .insertInto("claims")
        .values({ node, instance: name, owner, at: now() })
        .onConflict((oc) => oc.doNothing())
        .executeTakeFirst();
      return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
    },
    async release(instance) {
      await db.deleteFrom("claims").where("instance", "=", instance).execute();
    },
    async claimOf(instance) {
      return (
        await db.selectFrom("claims").select("node").where("instance", "=", instance).executeTakeFirst()
      )?.node;
    },
    async claims() {
      const rows = await db.selectFrom("claims").select(["node", "instance"]).execute();
      return new Map(rows.map(({ node, instance }) => [node, instance]));
    },
    async installedElsewhere(node, disk) {
      const query = db.selectFrom("disks").select(["node", "instance"]).where("disk", "=", disk);
      return query.where("node", "!=", node).where("state", "=", "installed").executeTakeFirst();
    },
    async diskRecord(node, disk) {
      const query = db.selectFrom("disks").selectAll().where("node", "=", node).where("disk", "=", disk);
      const row = await query.executeTakeFirst();
      return row && { instance: row.instance, state: row.state as DiskRecord["state"] };
    },
    async keepDisk(node, disk, { name, owner }, state) {
      const change = { instance: name, owner, state, at: now() };
      await db
        .insertInto("disks")
        .values({ node, disk, ...change })
        .onConflict((oc) => oc.columns(["node", "disk"]).doUpdateSet(change))
        .execute();
    },
    async disksLeft() {
      const rows = await db.selectFrom("disks").selectAll().execute();
      return rows.map(({ state, ...row }) => ({ ...row, state: state as DiskRecord["state"] }));
    },
    async forgetDisks(node, disks) {
      if (disks.length === 0) return;
      await db.deleteFrom("disks").where("node", "=", node).where("disk", "in", disks).execute();
    },
    async releaseDisks(instance, node, state = "released") {
      await db
        .updateTable("disks")
        .set({ state, at: now() })
        .where("instance", "=", instance)
        .where((eb) => eb.or([eb("node", "=", node), eb("state", "=", "writing")]))
        .execute();
    },
  };
}
