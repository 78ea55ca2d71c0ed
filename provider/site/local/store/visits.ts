import type { VisitRecord } from "../../../workflows/visit.ts";
import type { Db } from "./open.ts";
import type { Seal } from "./seal.ts";

/** Visits under way, or cut off: one a node. Every change is on disk when the promise answers. */
export interface Visits {
  readonly visit: (node: string) => Promise<VisitRecord | undefined>;
  readonly keepVisit: (node: string, record: VisitRecord) => Promise<void>;
  readonly dropVisit: (node: string) => Promise<void>;
}

export function openVisits(db: Db, seal: Seal): Visits {
  return {
    async visit(node) {
      const query = db.selectFrom("visits").select("record").where("node", "=", node);
      const row = await query.executeTakeFirst();
      return row && (JSON.parse(seal.open(row.record)) as VisitRecord);
    },
    async keepVisit(node, record) {
      const change = { record: seal.close(JSON.stringify(record)), updated: new Date().toISOString() };
      await db
        .insertInto("visits")
        .values({ node, ...change })
        .onConflict((oc) => oc.column("node").doUpdateSet(change))
        .execute();
    },
    async dropVisit(node) {
      await db.deleteFrom("visits").where("node", "=", node).execute();
    },
  };
}
