import type { InstanceSpec } from "../../../../resources/index.ts";
import type { Known } from "../../../site.ts";
import type { Parts } from "../../parts.ts";
import { countErase } from "../../runs.ts";
import type { StoredRecord } from "../../store/index.ts";
import { weigh } from "./planning.ts";
import { limitOf } from "./warnings.ts";

/**
 * What this run declares is deleted only to be made anew. Of `--replace` and `state taint` Pulumi tells nobody before it
 * deletes, so that the gate is here.
 */
export async function refuseReplacement(parts: Parts, record: StoredRecord, known: Known): Promise<void> {
  const run = parts.runs.of(known.run);
  const spec = run.declared.get(`instances/${record.ref.name}`) as InstanceSpec | undefined;
  if (spec === undefined) return;
  const found = { record, known, hidden: {}, lost: false };
  const { plan, against } = await weigh(parts, record.ref, spec, found, { run, replacing: true });
  if (plan.effect !== "replace") return;
  const [first] = against;
  if (first) throw first;
  if (plan.erases) countErase(run, record.ref.name, await limitOf(parts));
}
