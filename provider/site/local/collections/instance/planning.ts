import type { Context } from "../../../../kernel/context.ts";
import { MetalError } from "../../../../kernel/errors.ts";
import type { InstanceSpec } from "../../../../resources/index.ts";
import { siteErrors } from "../../../errors.ts";
import type { Plan, Ref } from "../../../site.ts";
import { type Found, toFailure } from "../../collection.ts";
import type { Parts } from "../../parts.ts";
import { choose, reasonsOf } from "./claim.ts";

/** Fields whose change writes the disk again. */
const reinstalling = ["imageDigest", "flavorDigest", "rootDeviceHints"] as const;

/** What `ensure` would do, and what stands in its way, from records alone. */
export async function planInstance(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  found: Found,
): Promise<Partial<Plan>> {
  await refuseReinstall(parts, ref, spec, found);
  const { store } = parts;
  if ((await store.deployment(ref.name))?.record.done) return {};
  const failures = (await hostProblems(ctx, parts)).map((problem) => toFailure(problem, ""));
  if (!(await allKnown(parts, spec))) return { failures };
  const choice = await choose(store, ref.name, spec);
  if (choice.chosen === undefined) {
    const reasons = reasonsOf(choice);
    const refusal = siteErrors.make("INSTANCE_NO_NODE", { instance: ref.name, reasons });
    return { failures: [...failures, toFailure(refusal, "flavor")] };
  }
  return { failures, actions: [`install ${spec.image} on ${choice.chosen}`] };
}

/** What this host lacks for a deployment: the network's side, and the writer's. */
async function hostProblems(ctx: Context, { network, writer }: Parts): Promise<readonly MetalError[]> {
  const problems = await network.problems(ctx);
  try {
    await (await writer()).ready(ctx);
    return problems;
  } catch (error) {
    if (error instanceof MetalError) return [...problems, error];
    throw error;
  }
}

/** Whether everything the instance names is enrolled, so that the scheduler can be asked at preview. */
async function allKnown({ store }: Parts, spec: InstanceSpec): Promise<boolean> {
  const nodes = spec.node === undefined ? (spec.candidates ?? []) : [spec.node];
  // Without a pinned node or candidates, nodes of this very program may still be made before.
  if (nodes.length === 0) return false;
  const wanted = [store.get("flavors", spec.flavor), ...nodes.map((name) => store.get("nodes", name))];
  if ((await Promise.all(wanted)).some((record) => record === undefined)) return false;
  const cards = await store.all("interfaces");
  return nodes.some((name) => cards.some(({ spec: card }) => card["node"] === name));
}

/** Refuse to install what another site, or this one before its store was lost, has installed already. */
export async function refuseLost({ store }: Parts, ref: Ref, { record, known }: Found): Promise<void> {
  const state = known.state ?? {};
  const installed = ["active", "wait call-back"].includes(String(state["provisionState"]));
  if (record || !installed || (await store.wasDropped("instances", ref))) return;
  const node = String(state["assignedNode"] ?? "a node");
  throw siteErrors.make("INSTANCE_LOST_RECORD", { instance: ref.name, node });
}

/** Refuse whatever would write an installed disk again: the plan with its gate does not exist yet. */
export async function refuseReinstall(
  { store }: Parts,
  ref: Ref,
  spec: InstanceSpec,
  { known }: Found,
): Promise<void> {
  const record = await store.get("instances", ref.name);
  const deployment = await store.deployment(ref.name);
  if (!record || deployment?.record.done !== true) return;
  const before = record.spec as InstanceSpec;
  const fields = reinstalling.filter(
    (field) => spec[field] !== undefined && JSON.stringify(before[field]) !== JSON.stringify(spec[field]),
  );
  const moved = spec.node !== undefined && spec.node !== deployment.node ? ["node"] : [];
  const all = [...fields, ...moved];
  if (all.length === 0) return;
  const node = deployment.node;
  if (known.state === undefined) throw siteErrors.make("INSTANCE_EXISTS", { instance: ref.name, node });
  throw siteErrors.make("INSTANCE_NEEDS_REINSTALL", { fields: all.join(", "), instance: ref.name, node });
}
