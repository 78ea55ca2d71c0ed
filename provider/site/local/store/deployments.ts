import { sql } from "kysely";
import type { DeploymentRecord } from "../../../workflows/deployment.ts";
import type { Journal, Outcome } from "../../../workflows/run.ts";
import type { Db } from "./open.ts";
import type { Seal } from "./seal.ts";

export interface StoredDeployment {
  readonly instance: string;
  readonly node: string;
  readonly record: DeploymentRecord;
}
export interface TimelineEntry {
  readonly step: string;
  readonly start: string;
  readonly seconds: number;
}

/** Deployments and their journal. Every change is on disk when the promise answers. */
export interface Deployments {
  readonly deployment: (instance: string) => Promise<StoredDeployment | undefined>;
  readonly deploymentById: (id: string) => Promise<StoredDeployment | undefined>;
  readonly keepDeployment: (deployment: StoredDeployment) => Promise<void>;
  readonly dropDeployment: (instance: string) => Promise<void>;
  readonly begin: (deployment: string, step: string) => Promise<void>;
  readonly end: (deployment: string, step: string, outcome: Outcome) => Promise<void>;
  /** How long the last few whole deployments took, in seconds: their median; undefined = there was none. */
  readonly usualSeconds: () => Promise<number | undefined>;
  /** The steps of a deployment that did something, in order. */
  readonly timeline: (deployment: string) => Promise<readonly TimelineEntry[]>;
}

/** The journal of one deployment, or visit. */
export const journalOf = (store: Pick<Deployments, "begin" | "end">, id: string): Journal => ({
  begin: (step) => store.begin(id, step),
  end: (step, outcome) => store.end(id, step, outcome),
});

export function openDeployments(db: Db, seal: Seal): Deployments {
  const decode = (row: { instance: string; node: string; record: string }): StoredDeployment => ({
    instance: row.instance,
    node: row.node,
    record: JSON.parse(seal.open(row.record)) as DeploymentRecord,
  });
  const note = async (deployment: string, step: string, phase: string, detail: object) => {
    const values = { at: new Date().toISOString(), deployment, step, phase, detail: JSON.stringify(detail) };
    await db.insertInto("journal").values(values).execute();
  };
  return {
    async deployment(instance) {
      const row = await db
        .selectFrom("deployments")
        .selectAll()
        .where("instance", "=", instance)
        .executeTakeFirst();
      return row && decode(row);
    },
    async deploymentById(id) {
      const row = await db.selectFrom("deployments").selectAll().where("id", "=", id).executeTakeFirst();
      return row && decode(row);
    },
    async keepDeployment({ instance, node, record }) {
      const change = {
        id: record.id,
        node,
        record: seal.close(JSON.stringify(record)),
        updated: new Date().toISOString(),
      };
      await db
        .insertInto("deployments")
        .values({ instance, ...change })
        .onConflict((oc) => oc.column("instance").doUpdateSet(change))
        .execute();
    },
    async dropDeployment(instance) {
      await db.deleteFrom("deployments").where("instance", "=", instance).execute();
    },
    begin: (deployment, step) => note(deployment, step, "begin", {}),
    end: (deployment, step, outcome) => note(deployment, step, outcome.result, outcome),
    async usualSeconds() {
      // Whole ones, that wrote and came to their end, among the last lines: each plan asks.
      const { rows } = await sql<{ seconds: number }>`
        SELECT SUM(json_extract(detail, '$.seconds')) AS seconds FROM journal
        WHERE phase = 'done' AND seq > (SELECT MAX(seq) - 1000 FROM journal)
        GROUP BY deployment HAVING SUM(step = 'write') > 0 AND SUM(step = 'done') > 0 ORDER BY MAX(seq) DESC LIMIT 9`.execute(
        db,
      );
      const sorted = rows.map(({ seconds }) => seconds).sort((a, b) => a - b);
      return sorted[Math.floor(sorted.length / 2)];
    },
    async timeline(deployment) {
      const rows = await db
        .selectFrom("journal")
        .selectAll()
        .where("deployment", "=", deployment)
        .where("phase", "in", ["begin", "done"])
        .orderBy("seq")
        .execute();
      let start = "";
      const entries: TimelineEntry[] = [];
      for (const { at, step, phase, detail } of rows) {
        if (phase === "begin") start = at;
        else entries.push({ step, start, seconds: (JSON.parse(detail) as Outcome).seconds });
      }
      return entries;
    },
  };
}
