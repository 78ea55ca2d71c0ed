import type { Asked } from "../../ahead/asked.ts";
import type { Db } from "./open.ts";
import type { Seal } from "./seal.ts";

/** Stacks whose requests are kept: those that asked last. */
const most = 64;

/** What clients of other hosts asked plans for in their last runs, by stack. Sealed, as declarations hold passwords. */
export interface AskedPlans {
  /** In place of what was kept of this stack; nothing = forget it. */
  readonly keepAsked: (owner: string, all: readonly Asked[]) => Promise<void>;
  readonly askedBy: (owner: string) => Promise<readonly Asked[]>;
}

export function openAsked(db: Db, seal: Seal): AskedPlans {
  return {
    async keepAsked(owner, all) {
      if (all.length === 0) return void (await db.deleteFrom("asked").where("owner", "=", owner).execute());
      const change = { requests: seal.close(JSON.stringify(all)), at: new Date().toISOString() };
      await db
        .insertInto("asked")
        .values({ owner, ...change })
        .onConflict((oc) => oc.column("owner").doUpdateSet(change))
        .execute();
      const last = db.selectFrom("asked").select("owner").orderBy("at", "desc").limit(most);
      await db.deleteFrom("asked").where("owner", "not in", last).execute();
    },
    async askedBy(owner) {
      const row = await db
        .selectFrom("asked")
        .select("requests")
        .where("owner", "=", owner)
        .executeTakeFirst();
      return row === undefined ? [] : (JSON.parse(seal.open(row.requests)) as readonly Asked[]);
    },
  };
}
