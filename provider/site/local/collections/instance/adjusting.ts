import type { PowerState } from "../../../../drivers/power/driver.ts";
import type { Context } from "../../../../kernel/context.ts";
import type { InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import type { ResourcePlan } from "../../../../resources/plan.ts";
import { keepKeys, waitForAnswer } from "../../../../workflows/answer.ts";
import { reboot, setPower } from "../../../../workflows/power.ts";
import type { Ref, State } from "../../../site.ts";
import type { Found } from "../../collection.ts";
import type { Parts } from "../../parts.ts";
import type { StoredDeployment } from "../../store/deployments.ts";
import { expectedOf } from "../node.ts";
import { layBoot } from "./boot.ts";
import { cardsOf, holdNode, refuseMaintenance, specOf } from "./claim.ts";
import { mendDrift } from "./drift.ts";
import { openMachine } from "./machine.ts";
import { outputsOf } from "./outputs.ts";

/** Changes that leave the disk alone: power on, off, a reboot, other cards, and what a refresh found. */
export async function adjust(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  { plan, found }: { readonly plan: ResourcePlan; readonly found: Found },
): Promise<State> {
  const { store } = parts;
  const stored = await store.deployment(ref.name);
  if (!stored) throw new Error("an active instance has a deployment");
  // A delete that was cut off may have let it go already.
  await holdNode(store, stored.node, ref);
  if (plan.changed.includes("interfaces") && stored.record.written)
    await layBoot(ctx, parts, ref, spec, stored);
  const drifted = (found.known.state?.["drift"] as readonly string[] | undefined) ?? [];
  if (drifted.length > 0 && found.record) await mendDrift(ctx, parts, { ...found.record, spec }, stored);
  if (plan.effect === "power") await switchPower(ctx, parts, ref, spec, { plan, stored });
  else if (plan.changed.includes("waitFor") && spec.power === "on")
    await answered(ctx, parts, ref, spec, stored);
  // What was not announced is not switched; but what is told is what is.
  const powerState = plan.effect === "power" ? spec.power : await stateOf(ctx, parts, stored.node);
  const reachable = powerState !== "unknown";
  const lasting = { provisionState: "active", lastError: "" };
  const held = { ...lasting, reachable, assignedInstance: ref.name };
  await store.patch("nodes", stored.node, { ...held, ...(reachable ? { powerState } : {}) });
  return { ...(await outputsOf(parts, ref, spec)), ...lasting, stage: "active", powerState, reachable };
}

async function stateOf(ctx: Context, { store, powerOf }: Parts, name: string): Promise<PowerState> {
  const node = await specOf<NodeSpec>(store, "nodes", name);
  return node.abandon ? "unknown" : powerOf(node.power).state(ctx);
}

async function switchPower(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  { plan, stored }: { readonly plan: ResourcePlan; readonly stored: StoredDeployment },
): Promise<void> {
  const { store, settings } = parts;
  await refuseMaintenance(store, stored.node);
  const node = await specOf<NodeSpec>(store, "nodes", stored.node);
  const power = parts.powerOf(node.power, expectedOf(node, (await store.get("nodes", stored.node))?.state));
  const seen = await power.stateOrThrow(ctx);
  const rebooting = plan.changed.includes("rebootTrigger") && seen === "on" && spec.power === "on";
  if (seen !== spec.power || rebooting) {
    const manner = {
      soft: settings.limits.soft,
      power: spec.timeouts?.power ?? power.limit,
      hard: spec.hardReboot,
    };
    if (spec.power === "on") await parts.network.open(ctx, await cardsOf(store, stored.node, spec));
    await (rebooting ? reboot(ctx, power, manner) : setPower(ctx, power, spec.power, manner));
    if (spec.power === "on") await answered(ctx, parts, ref, spec, stored);
  }
}

/** Wait as a deployment does, until the system answers again. */
export async function answered(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  stored: StoredDeployment,
): Promise<void> {
  const { phoneToken, phonedFrom } = stored.record;
  // It phones at its first boot only, which this may be where it was declared off until now.
  if (spec.waitFor === "phone-home" && (phoneToken === undefined || phonedFrom !== undefined)) return;
  const { machine, close } = await openMachine(ctx, parts, ref, spec, stored);
  try {
    await keepKeys(ctx, machine, await waitForAnswer(ctx, machine, machine.limits.answer));
  } finally {
    close();
  }
}
