import type { Stranger } from "../../../workflows/discovery.ts";
import type { Db } from "./open.ts";

/** Cards that nobody declared and that asked to boot from the network, one record a MAC. No secrets. */
export interface Strangers {
  readonly strangers: () => Promise<readonly Stranger[]>;
  readonly stranger: (mac: string) => Promise<Stranger | undefined>;
  readonly keepStranger: (stranger: Stranger) => Promise<void>;
  /** false if there was none. */
  readonly dropStranger: (mac: string) => Promise<boolean>;
}

export function openStrangers(db: Db): Strangers {
  const all = async () => {
    const rows = await db.selectFrom("strangers").select("record").orderBy("mac").execute();
    return rows.map(({ record }) => JSON.parse(record) as Stranger);
  };
  return {
    strangers: all,
    stranger: async (mac) => (await all()).find((one) => one.mac === mac),
    async keepStranger(stranger) {
      const record = JSON.stringify(stranger);
      await db
        .insertInto("strangers")
        .values({ mac: stranger.mac, record })
        .onConflict((oc) => oc.column("mac").doUpdateSet({ record }))
        .execute();
    },
    async dropStranger(mac) {
      const { numDeletedRows } = await db.deleteFrom("strangers").where("mac", "=", mac).executeTakeFirst();
      return numDeletedRows > 0n;
    },
  };
}
