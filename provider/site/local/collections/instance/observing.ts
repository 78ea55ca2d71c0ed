import type { Context } from "../../../../kernel/context.ts";
import type { NodeSpec } from "../../../../resources/index.ts";
import { isRescue } from "../../../../resources/states.ts";
import type { State } from "../../../site.ts";
import type { Parts } from "../../parts.ts";
import type { StoredDeployment } from "../../store/deployments.ts";
import type { StoredRecord } from "../../store/index.ts";
import { kindOf } from "../image.ts";
import { cardsOf } from "./claim.ts";
import { driftOf, lookAtSystem } from "./drift.ts";

/**
 * What a refresh shows of an instance, asked of the hardware: under an input's own name where it has one, so that the
 * line is one that a user knows and the next update acts on it, else in `drift`.
 */
export async function observeInstance(ctx: Context, parts: Parts, record: StoredRecord): Promise<State> {
  const { store } = parts;
  const { ref, state } = record;
  const stored = await store.deployment(ref.name);
  const name = await store.claimOf(ref.name);
  const node = name === undefined ? undefined : await store.get("nodes", name);
  if (!node || !stored) {
    const lost = state["assignedNode"] ? [`it holds node ${state["assignedNode"]} no more`] : [];
    return { drift: lost, assignedNode: name ?? "" };
  }
  const { provisionState } = node.state;
  if (isRescue(provisionState)) {
    ctx.log.warn(
      `it is in a rescue (${provisionState}): its system does not run until \`pulumi-baremetal nodes unrescue ${node.ref.name}\``,
    );
    return { drift: [] };
  }
  if (state["provisionState"] !== "active") return { drift: [] };
  const nodeSpec = node.spec as NodeSpec;
  if (nodeSpec.abandon) return { drift: [], reachable: false };
  const { state: powerState, reason } = await parts.powerOf(nodeSpec.power).look(ctx);
  const files = await driftOf(ctx, parts, record, stored, powerState !== "unknown");
  if (powerState === "unknown") {
    const words = reason?.record.text ?? "the controller does not answer";
    ctx.log.warn(`${words}; the last known state is kept`, { node: node.ref.name });
    return { reachable: false, drift: files };
  }
  await store.patch("nodes", node.ref.name, { powerState, reachable: true });
  await warnIfStrayed(ctx, parts, stored, node.ref.name);
  const system = powerState === "on" ? await lookAtSystem(ctx, parts, record, stored) : {};
  return { ...system, powerState, reachable: true, power: powerState, drift: files };
}

/** A system that has its own boot loader starts without asking the network. */
async function warnIfStrayed(
  ctx: Context,
  { store, switchboard }: Parts,
  { record }: StoredDeployment,
  node: string,
): Promise<void> {
  const macs = (await cardsOf(store, node, {})).map(({ mac }) => mac);
  const at = switchboard.strayed(macs);
  if (at === undefined || record.image === undefined || kindOf(record.image) === "partition") return;
  const when = new Date(at).toISOString();
  ctx.log.warn(
    `${node} booted from the network at ${when}, and not from its disk at once: its firmware has the network before the disk, or found nothing to start there. Put the disk first in its boot order`,
  );
}
