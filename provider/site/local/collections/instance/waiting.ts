import type { Context } from "../../../../kernel/context.ts";
import type { MetalError } from "../../../../kernel/errors.ts";
import type { InstanceSpec } from "../../../../resources/index.ts";
import type { Effect } from "../../../../resources/plan.ts";
import { openProbe } from "../../../../services/probes/index.ts";
import { workflowErrors } from "../../../../workflows/errors.ts";
import type { Store } from "../../store/index.ts";

/** What would keep an instance from being waited for as it says: found at preview. */

/** A system that stands written and has not answered yet: it calls only if it was told to when it was written. */
export async function cannotPhone(
  store: Store,
  instance: string,
  { waitFor }: Pick<InstanceSpec, "waitFor">,
  effect: Effect,
): Promise<readonly MetalError[]> {
  if (waitFor !== "phone-home" || (effect !== "none" && effect !== "in-place")) return [];
  const stored = await store.deployment(instance);
  const active = (await store.get("instances", instance))?.state["provisionState"] === "active";
  if (active || !stored?.record.written || stored.record.phoneToken !== undefined) return [];
  return [workflowErrors.make("DEPLOY_CANNOT_PHONE_HOME", { node: stored.node })];
}

/** Whether this host can ask in the way that is wanted. PROGRAM_MISSING. */
export async function readyToWait(ctx: Context, { waitFor }: Pick<InstanceSpec, "waitFor">): Promise<void> {
  if (waitFor !== "written" && waitFor !== "phone-home") await openProbe(waitFor).ready?.(ctx);
}
