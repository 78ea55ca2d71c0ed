import { createHash, randomBytes } from "node:crypto";
import type { Bearer, Scope } from "../../access.ts";
import type { Db } from "./open.ts";

/** A token as it is listed: all but itself, which nobody keeps. */
export interface TokenRecord extends Bearer {
  /** ISO 8601. */
  readonly created: string;
}

/** Who may ask this site from elsewhere. Only digests lie in the store. */
export interface Tokens {
  readonly tokens: () => Promise<readonly TokenRecord[]>;
  /** The token itself, told only now; undefined if the name is taken. */
  readonly addToken: (bearer: Bearer) => Promise<string | undefined>;
  /** false if there was none. */
  readonly dropToken: (name: string) => Promise<boolean>;
  readonly bearerOf: (token: string) => Promise<Bearer | undefined>;
}

/** 256 random bits: nothing to guess, so a plain digest is enough, and finding it in an index tells nobody anything. */
const digestOf = (token: string) => createHash("sha256").update(token).digest("hex");

export function openTokens(db: Db): Tokens {
  const rows = () => db.selectFrom("tokens").select(["name", "owner", "scope", "created"]).orderBy("name");
  return {
    tokens: async () => (await rows().execute()).map((row) => ({ ...row, scope: row.scope as Scope })),
    async addToken({ name, owner, scope }) {
      const token = `pbm_${randomBytes(32).toString("base64url")}`;
      const { numInsertedOrUpdatedRows = 0n } = await db
        .insertInto("tokens")
        .values({ name, digest: digestOf(token), owner, scope, created: new Date().toISOString() })
        .onConflict((oc) => oc.doNothing())
        .executeTakeFirst();
      return numInsertedOrUpdatedRows > 0n ? token : undefined;
    },
    async dropToken(name) {
      const { numDeletedRows } = await db.deleteFrom("tokens").where("name", "=", name).executeTakeFirst();
      return numDeletedRows > 0n;
    },
    async bearerOf(token) {
      const row = await rows().where("digest", "=", digestOf(token)).executeTakeFirst();
      return row && { name: row.name, owner: row.owner, scope: row.scope as Scope };
    },
  };
}
