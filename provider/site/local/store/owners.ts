import { sql } from "kysely";
import type { Db } from "./open.ts";

/** Whose things are whose, as a whole: for a stack that was renamed. */
export interface Owners {
  /**
   * Hand everything of one owner to another, all or nothing: what is declared, planned, claimed, removed, asked for, and
   * what was written.
   * Answers how many records that were; undefined if it owns nothing.
   */
  readonly moveOwner: (from: string, to: string) => Promise<number | undefined>;
  /** Who has something declared here. */
  readonly owners: () => Promise<readonly string[]>;
}

export function openOwners(db: Db): Owners {
  return {
    moveOwner: (from, to) =>
      db.transaction().execute(async (tx) => {
        const counts: number[] = [];
        for (const table of ["records", "claims", "disks", "requests"] as const) {
          const moved = await tx.updateTable(table).set({ owner: to }).where("owner", "=", from).execute();
          counts.push(Number(moved[0]?.numUpdatedRows ?? 0));
        }
        // Both may have removed, or planned, a thing of one name: one row says so for both.
        for (const table of ["removals", "plans"] as const) {
          const moved = sql`UPDATE OR REPLACE ${sql.table(table)} SET owner = ${to} WHERE owner = ${from}`;
          counts.push(Number((await moved.execute(tx)).numAffectedRows ?? 0));
        }
        // It is asked for in other words from now on.
        await tx.deleteFrom("asked").where("owner", "=", from).execute();
        return counts.some((count) => count > 0) ? counts[0] : undefined;
      }),
    async owners() {
      const rows = await db.selectFrom("records").select("owner").distinct().orderBy("owner").execute();
      return rows.map(({ owner }) => owner);
    },
  };
}
