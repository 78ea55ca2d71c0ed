import type { Context } from "../../../../kernel/context.ts";
import type { InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import { isSetAside, type ProvisionState } from "../../../../resources/states.ts";
import type { Ref } from "../../../site.ts";
import { cleanNode } from "../../cleaning.ts";
import type { Parts } from "../../parts.ts";
import type { StoredRecord } from "../../store/index.ts";
import { endVisit } from "../../visits.ts";
import { expectedOf } from "../node.ts";
import { cardsOf, refuseMaintenance } from "./claim.ts";

/**
 * Let an instance go. `off`: powered off, boot files withdrawn, the disk untouched until the next claim. `clean`: then its
 * disk is erased. `keep`: it goes on running and its node is `manageable`, so that nobody gets it by chance.
 */
export async function releaseInstance(
  ctx: Context,
  parts: Parts,
  { ref, spec }: StoredRecord,
): Promise<void> {
  const { store } = parts;
  const instance = spec as InstanceSpec;
  const name = await store.claimOf(ref.name);
  const node = name === undefined ? undefined : await store.get("nodes", name);
  if (node) {
    await refuseMaintenance(store, node.ref.name);
    const { abandon } = node.spec as NodeSpec;
    // A controller that is dead keeps nobody from forgetting; but its server may still be on, and is nobody's.
    if (abandon)
      ctx.log.warn("its controller was given up: the server was not switched off", { node: node.ref.name });
    // Only an installed system can be kept: a server in the middle of a deployment would boot into the writer for ever.
    const made = (await store.deployment(ref.name))?.record;
    const off = instance.onDelete !== "keep" || made?.done !== true;
    const standing = node.state["provisionState"] as ProvisionState;
    // Its cleaning was cut off: the ramdisk may still be at work, and knows its way.
    const begun = instance.onDelete === "clean" && (await store.visit(node.ref.name)) !== undefined;
    if (!begun) await endVisit(ctx, parts, node.ref.name);
    const touched = off && !begun && (await switchOff(ctx, parts, ref, instance, node));
    const cleaned = instance.onDelete === "clean" && (await cleanUp(ctx, parts, ref, node));
    // The disk counts as its own no more; that was all that kept the server from others.
    const sound = made?.interrupted === true || (cleaned && standing === "clean failed");
    const aside = isSetAside(standing) && !sound;
    const free = off && !abandon ? "available" : "manageable";
    await store.patch("nodes", node.ref.name, {
      ...(aside ? { provisionState: standing } : { provisionState: free, lastError: "" }),
      assignedInstance: "",
      ...(touched && !abandon ? { powerState: "off" } : {}),
    });
  }
  await store.release(ref.name);
  await store.dropDeployment(ref.name);
  await store.forgetPlan(ref);
}

/** Off, and nothing left of it on the network. Answers whether the server had been touched at all. */
async function switchOff(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  instance: InstanceSpec,
  node: StoredRecord,
): Promise<boolean> {
  const { store, network } = parts;
  const { name } = node.ref;
  const spec = node.spec as NodeSpec;
  const touched = await wasTouched(parts, ref.name);
  const macs = (await cardsOf(store, name, instance)).map(({ mac }) => mac);
  if (!isSetAside(node.state["provisionState"] as ProvisionState))
    await store.patch("nodes", name, { provisionState: "deleting" });
  ctx.report({ stage: "powering off" });
  const power = parts.powerOf(spec.power, expectedOf(spec, node.state));
  if (touched && !spec.abandon) await power.ensure(ctx, "off");
  ctx.report({ stage: "withdrawing boot files" });
  await (await parts.boot(spec)).withdraw(ctx, ref.name, macs);
  await network.dismiss(ctx, macs);
  await noteDisks(parts, ref, name, instance.onDelete === "clean" ? "unclean" : "released");
  return touched;
}

/** What it wrote is its own no more. A system whose disk nobody knows is remembered as such: it is there all the same. */
async function noteDisks({ store }: Parts, ref: Ref, node: string, as: "unclean" | "released") {
  await store.releaseDisks(ref.name, node, as);
  const record = (await store.deployment(ref.name))?.record;
  const wrote = record?.done === true || record?.erased === true || record?.earlier !== undefined;
  const known = (await store.disksLeft()).some((disk) => disk.node === node && disk.instance === ref.name);
  if (wrote && !known) await store.keepDisk(node, "", ref, as);
}

/** Erase what it left. From here on it is no installed system any more, even if this fails and the delete is asked for again. */
async function cleanUp(ctx: Context, parts: Parts, ref: Ref, { ref: { name }, spec }: StoredRecord) {
  const left = (await parts.store.disksLeft()).filter(
    ({ node, instance }) => node === name && instance === ref.name,
  );
  await parts.store.dropDeployment(ref.name);
  const { abandon, clean } = spec as NodeSpec;
  if (clean === "none") ctx.log.warn("its node is never cleaned: the disk is as it was", { node: name });
  if (left.length === 0 || abandon || clean === "none") return false;
  await parts.turns.take(ctx, `instances/${ref.name}`, () => cleanNode(ctx, parts, name, left));
  return true;
}

/** Whether its delete erases a system. */
export async function erasesOnDelete({ store }: Parts, { ref, spec }: StoredRecord): Promise<boolean> {
  if ((spec as InstanceSpec).onDelete !== "clean") return false;
  const record = (await store.deployment(ref.name))?.record;
  return record?.done === true || record?.earlier !== undefined;
}

/** A server we never switched on is not switched off either. */
async function wasTouched({ store }: Parts, instance: string): Promise<boolean> {
  const record = (await store.deployment(instance))?.record;
  return record?.touched === true || record?.earlier !== undefined;
}
