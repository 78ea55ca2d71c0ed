import type { Context } from "../../../../kernel/context.ts";
import type { InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import type { Ref, State } from "../../../site.ts";
import type { Parts } from "../../parts.ts";
import { expectedOf } from "../node.ts";
import { cardsOf, specOf } from "./claim.ts";
import { outputsOf } from "./outputs.ts";

/**
 * Boot an adopted system again whose reinstall was given up before it erased anything: we never laid boot files for it,
 * so that without ours it boots as it did before. Undefined for a system that we wrote: its deployment goes on.
 */
export async function restoreAdopted(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
): Promise<State | undefined> {
  const { store } = parts;
  const stored = await store.deployment(ref.name);
  const earlier = stored?.record.earlier;
  if (!stored || !earlier?.adopted) return undefined;
  ctx.report({ stage: "booting the earlier system" });
  const node = await specOf<NodeSpec>(store, "nodes", stored.node);
  const macs = (await cardsOf(store, stored.node, spec)).map(({ mac }) => mac);
  await (await parts.boot(node)).withdraw(ctx, ref.name, macs);
  await parts.network.dismiss(ctx, macs);
  const power = parts.powerOf(node.power, expectedOf(node, (await store.get("nodes", stored.node))?.state));
  await power.bootFrom(ctx, { device: "disk", persistent: true, firmware: node.bootMode });
  await power.ensure(ctx, spec.power);
  await store.keepDeployment({ ...stored, record: earlier });
  const lasting = { provisionState: "active", powerState: spec.power, reachable: true, lastError: "" };
  await store.patch("nodes", stored.node, lasting);
  return { ...(await outputsOf(parts, ref, spec)), ...lasting, stage: "active" };
}
