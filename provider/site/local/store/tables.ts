import type { Generated } from "kysely";

/** The columns as they lie in SQLite. Times are ISO 8601 text; JSON columns hold sealed secrets, never clear ones. */
export interface Tables {
  meta: { key: string; value: string };
  /** What is declared: one row a resource. */
  records: {
    collection: string;
    name: string;
    owner: string;
    spec: string;
    state: string;
    created: string;
    updated: string;
  };
  /** What was declared and then removed by its owner: only these are told to be gone. */
  removals: { collection: string; name: string; owner: string; at: string };
  /** Which instance holds which node. Both are unique: that is the atomic claim. */
  claims: { node: string; instance: string; owner: string; at: string };
  /** Deployments under way or done, one an instance. */
  deployments: { instance: string; id: string; node: string; record: string; updated: string };
  /** Systems that are to phone home: the digest of each token, and what was heard. No secrets. */
  phones: { deployment: string; digest: string; heard: string | null; at: string };
  /** Visits under way, one a node. */
  visits: { node: string; record: string; updated: string };
  /** What drives of a node may be locked with until they are erased, sealed. Outlives the visit that set it. */
  drive_passwords: { node: string; password: string; at: string };
  /** Cards that nobody declared and that asked to boot from the network. */
  strangers: { mac: string; record: string };
  /** What this site wrote on which disk. */
  disks: { node: string; disk: string; instance: string; owner: string; state: string; at: string };
  /** Intent before a step, result after it. */
  journal: {
    seq: Generated<number>;
    at: string;
    deployment: string;
    step: string;
    phase: string;
    detail: string;
  };
  /** What the last preview of an instance announced. */
  plans: { instance: string; owner: string; inputs: string; effect: string; token: string; at: string };
  /** Who may ask from elsewhere: the digest of each token. No secrets. */
  tokens: {
    name: string;
    digest: string;
    owner: string;
    scope: string;
    created: string;
    expires: string | null;
  };
  /** Jobs that were asked for and have not ended, one a key: what they were asked for, sealed. */
  requests: { key: string; owner: string; request: string; at: string };
  /** What clients of other hosts asked plans for, one row a stack, sealed. */
  asked: { owner: string; requests: string; at: string };
  /** What drivers remember of controllers; no secrets. */
  memory: { controller: string; key: string; value: string };
}
