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
  /** Of one that has expired, too. */
  readonly bearerOf: (token: string) => Promise<Bearer | undefined>;
}

/** 256 random bits: nothing to guess, so a plain digest is enough, and finding it in an index tells nobody anything. */
const digestOf = (token: string) => createHash("sha256").update(token).digest("hex");

export function openTokens(db: Db): Tokens {
  const rows = () =>
    db.selectFrom("tokens").select(["name", "owner", "scope", "created", "expires"]).orderBy("name");
  return {
    tokens: async () => (await rows().execute()).map((row) => ({ ...bearer(row), created: row.created })),
    async addToken({ name, owner, scope, expires }) {
      const token = `pbm_${randomBytes(32).toString("base64url")}`;
      const { numInsertedOrUpdatedRows = 0n } = await db
        .insertInto("tokens")
        .values({
          name,
          digest: digestOf(token),
          owner,
          scope,
          expires: expires ?? null,
          created: new Date().toISOString(),
        })
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
      return row && bearer(row);
    },
  };
}

type Row = { name: string; owner: string; scope: string; expires: string | null };

const bearer = ({ name, owner, scope, expires }: Row): Bearer => ({
  ...{ name, owner, scope: scope as Scope },
  ...(expires === null ? {} : { expires }),
});
