import type { Ref } from "../../site.ts";
import type { Db } from "./open.ts";

/** What the last preview of an instance announced. */
export interface AnnouncedPlan {
  /** Digest of the inputs that the program wrote: other inputs are another plan. */
  readonly inputs: string;
  readonly effect: string;
  /** Of what it erases; empty = nothing. */
  readonly token: string;
}

/** Plans that were shown to somebody. They outlive the helper: a person may think for an hour. */
export interface Plans {
  readonly announce: (instance: Ref, plan: AnnouncedPlan) => Promise<void>;
  readonly announced: (instance: Ref) => Promise<AnnouncedPlan | undefined>;
  readonly forgetPlan: (instance: Ref) => Promise<void>;
}

export function openPlans(db: Db): Plans {
  return {
    async announce({ name, owner }, { inputs, effect, token }) {
      const change = { inputs, effect, token, at: new Date().toISOString() };
      await db
        .insertInto("plans")
        .values({ instance: name, owner, ...change })
        .onConflict((oc) => oc.columns(["instance", "owner"]).doUpdateSet(change))
        .execute();
    },
    async announced({ name, owner }) {
      const query = db.selectFrom("plans").select(["inputs", "effect", "token"]);
      return query.where("instance", "=", name).where("owner", "=", owner).executeTakeFirst();
    },
    async forgetPlan({ name, owner }) {
      await db.deleteFrom("plans").where("instance", "=", name).where("owner", "=", owner).execute();
    },
  };
}
