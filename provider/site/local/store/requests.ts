import type { Known, Operation, Ref, Spec } from "../../site.ts";
import type { Db } from "./open.ts";
import type { Seal } from "./seal.ts";

/** What a job was asked for, so that it can be asked for again without the client. */
export type JobRequest =
  | { readonly verb: "ensure"; readonly ref: Ref; readonly spec: Spec; readonly known: Known }
  | { readonly verb: "remove"; readonly ref: Ref; readonly known: Known }
  | { readonly verb: "perform"; readonly operation: Operation }
  | { readonly verb: "inspect"; readonly node: string };
export interface StoredRequest {
  /** The job's: `instances/web-1`. */
  readonly key: string;
  readonly request: JobRequest;
}

/** Jobs that were asked for and did not come to an end, in the order in which they were. */
export interface Requests {
  readonly keepRequest: (key: string, request: JobRequest) => Promise<void>;
  readonly dropRequest: (key: string) => Promise<void>;
  readonly requests: () => Promise<readonly StoredRequest[]>;
}

export function openRequests(db: Db, seal: Seal): Requests {
  return {
    async keepRequest(key, request) {
      const owner = "ref" in request ? request.ref.owner : "";
      const change = { owner, request: seal.close(JSON.stringify(request)), at: new Date().toISOString() };
      await db
        .insertInto("requests")
        .values({ key, ...change })
        .onConflict((oc) => oc.column("key").doUpdateSet(change))
        .execute();
    },
    async dropRequest(key) {
      await db.deleteFrom("requests").where("key", "=", key).execute();
    },
    async requests() {
      const rows = await db.selectFrom("requests").selectAll().orderBy("at").orderBy("key").execute();
      return rows.map(({ key, owner, request: sealed }) => {
        const request = JSON.parse(seal.open(sealed)) as JobRequest;
        // The column's: a stack may have been renamed since.
        return { key, request: "ref" in request ? { ...request, ref: { ...request.ref, owner } } : request };
      });
    },
  };
}
