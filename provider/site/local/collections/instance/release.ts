import type { Context } from "../../../../kernel/context.ts";
import type { InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import { workflowErrors } from "../../../../workflows/errors.ts";
import type { Parts } from "../../parts.ts";
import type { StoredRecord } from "../../store/index.ts";
import { expectedOf } from "../node.ts";
import { cardsOf } from "./claim.ts";

/**
 * Let an instance go. `off`: powered off, boot files withdrawn, the disk untouched until the next claim. `keep`: it goes
 * on running and its node is `manageable`, so that nobody gets it by chance.
 */
export async function releaseInstance(
  ctx: Context,
  parts: Parts,
  { ref, spec }: StoredRecord,
): Promise<void> {
  const { store, network } = parts;
  const instance = spec as InstanceSpec;
  const name = await store.claimOf(ref.name);
  const node = name === undefined ? undefined : await store.get("nodes", name);
  if (node) {
    const nodeSpec = node.spec as NodeSpec;
    if (nodeSpec.maintenance) throw workflowErrors.make("DEPLOY_MAINTENANCE", { node: node.ref.name });
    const macs = (await cardsOf(store, node.ref.name, instance)).map(({ mac }) => mac);
    if (instance.onDelete === "off") {
      await store.patch("nodes", node.ref.name, { provisionState: "deleting" });
      ctx.report({ stage: "powering off" });
      const power = parts.powerOf(nodeSpec.power, expectedOf(nodeSpec, node.state));
      if (await wasTouched(parts, ref.name))
        await power.ensure(ctx, "off", { limit: parts.settings.limits.power });
      ctx.report({ stage: "withdrawing boot files" });
      await (await parts.boot()).withdraw(ctx, ref.name, macs);
      await network.dismiss(ctx, macs);
      await store.releaseDisks(ref.name);
    }
    const aside = node.state["provisionState"] === "deploy failed";
    const free = instance.onDelete === "off" ? "available" : "manageable";
    await store.patch("nodes", node.ref.name, {
      provisionState: aside ? "deploy failed" : free,
      assignedInstance: "",
      ...(instance.onDelete === "off" ? { powerState: "off" } : {}),
    });
  }
  await store.release(ref.name);
  await store.dropDeployment(ref.name);
}

/** A server we never switched on is not switched off either. */
async function wasTouched({ store }: Parts, instance: string): Promise<boolean> {
  return (await store.deployment(instance))?.record.touched === true;
}
