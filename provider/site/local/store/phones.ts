import type { PhoneHome } from "../../../services/cloudinit/phone-home.ts";
import type { Db } from "./open.ts";

/** What a system said, and from where. */
export interface HeardHome extends PhoneHome {
  readonly peer: string;
}

/** A system that is to phone home, or did. */
export interface Phone {
  readonly deployment: string;
  readonly heard?: HeardHome;
}

/** Systems that are to phone home. Apart from the deployments' records: a call may come at any time, and must not be lost under a change of those. */
export interface Phones {
  /** From now on a token of this digest is one of this deployment. Those of deployments that are gone are forgotten. */
  readonly expectPhone: (deployment: string, digest: string) => Promise<void>;
  readonly phoneByDigest: (digest: string) => Promise<Phone | undefined>;
  /** Keep what was heard; false when something was heard before: a token counts once. */
  readonly keepHeard: (deployment: string, heard: HeardHome) => Promise<boolean>;
  readonly heardFrom: (deployment: string) => Promise<HeardHome | undefined>;
}

export function openPhones(db: Db): Phones {
  const decode = ({ deployment, heard }: { deployment: string; heard: string | null }): Phone => ({
    deployment,
    ...(heard === null ? {} : { heard: JSON.parse(heard) as HeardHome }),
  });
  return {
    async expectPhone(deployment, digest) {
      const standing = db.selectFrom("deployments").select("id");
      await db.deleteFrom("phones").where("deployment", "not in", standing).execute();
      const change = { digest, heard: null, at: new Date().toISOString() };
      await db
        .insertInto("phones")
        .values({ deployment, ...change })
        .onConflict((oc) => oc.column("deployment").doUpdateSet(change))
        .execute();
    },
    async phoneByDigest(digest) {
      const row = await db
        .selectFrom("phones")
        .innerJoin("deployments", "deployments.id", "phones.deployment")
        .select(["phones.deployment", "phones.heard"])
        .where("digest", "=", digest)
        .executeTakeFirst();
      return row && decode(row);
    },
    async keepHeard(deployment, heard) {
      const { numUpdatedRows } = await db
        .updateTable("phones")
        .set({ heard: JSON.stringify(heard), at: new Date().toISOString() })
        .where("deployment", "=", deployment)
        .where("heard", "is", null)
        .executeTakeFirst();
      return numUpdatedRows > 0n;
    },
    async heardFrom(deployment) {
      const row = await db
        .selectFrom("phones")
        .selectAll()
        .where("deployment", "=", deployment)
        .executeTakeFirst();
      return row && decode(row).heard;
    },
  };
}
