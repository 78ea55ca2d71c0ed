import type { Context } from "../../../../kernel/context.ts";
import type { InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import type { Parts } from "../../parts.ts";
import type { StoredRecord } from "../../store/index.ts";
import { expectedOf } from "../node.ts";
import { cardsOf, refuseMaintenance } from "./claim.ts";

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
    await refuseMaintenance(store, node.ref.name);
    const touched = await wasTouched(parts, ref.name);
    const macs = (await cardsOf(store, node.ref.name, instance)).map(({ mac }) => mac);
    // A controller that is dead keeps nobody from forgetting; but its server may still be on, and is nobody's.
    const abandoned = nodeSpec.abandon;
    if (abandoned)
      ctx.log.warn("its controller was given up: the server was not switched off", { node: node.ref.name });
    const aside = node.state["provisionState"] === "deploy failed";
    // Only an installed system can be kept: a server in the middle of a deployment would boot into the writer for ever.
    const off = instance.onDelete === "off" || (await store.deployment(ref.name))?.record.done !== true;
    if (off) {
      if (!aside) await store.patch("nodes", node.ref.name, { provisionState: "deleting" });
      ctx.report({ stage: "powering off" });
      const power = parts.powerOf(nodeSpec.power, expectedOf(nodeSpec, node.state));
      if (touched && !abandoned) await power.ensure(ctx, "off", { limit: parts.settings.limits.power });
      ctx.report({ stage: "withdrawing boot files" });
      await (await parts.boot(nodeSpec.bootMode)).withdraw(ctx, ref.name, macs);
      await network.dismiss(ctx, macs);
      await store.releaseDisks(ref.name, node.ref.name);
    }
    const free = off && !abandoned ? "available" : "manageable";
    await store.patch("nodes", node.ref.name, {
      provisionState: aside ? "deploy failed" : free,
      assignedInstance: "",
      ...(off && touched && !abandoned ? { powerState: "off" } : {}),
    });
  }
  await store.release(ref.name);
  await store.dropDeployment(ref.name);
  await store.forgetPlan(ref);
}

/** A server we never switched on is not switched off either. */
async function wasTouched({ store }: Parts, instance: string): Promise<boolean> {
  const record = (await store.deployment(instance))?.record;
  return record?.touched === true || record?.earlier !== undefined;
}
