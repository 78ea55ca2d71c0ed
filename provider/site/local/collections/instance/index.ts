import { createHash } from "node:crypto";
import type { Context } from "../../../../kernel/context.ts";
import type { InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import { waitForAnswer } from "../../../../workflows/answer.ts";
import { workflowErrors } from "../../../../workflows/errors.ts";
import { reboot, setPower } from "../../../../workflows/power.ts";
import type { Collection, Ref, State } from "../../../site.ts";
import { collectionOf, type Found } from "../../collection.ts";
import type { Parts } from "../../parts.ts";
import { expectedOf } from "../node.ts";
import { specOf } from "./claim.ts";
import { deployInstance } from "./deploying.ts";
import { openMachine } from "./machine.ts";
import { outputsOf } from "./outputs.ts";
import { planInstance, refuseLost, refuseReinstall } from "./planning.ts";
import { releaseInstance } from "./release.ts";

/** Operating systems on servers. What takes long is a job: the caller may go away, the work goes on. */
export function instances(parts: Parts): Collection {
  const { store, jobs } = parts;
  const job = (ctx: Context, ref: Ref, what: object, body: (ctx: Context) => Promise<State>) =>
    jobs.run(ctx, `instances/${ref.name}`, digestOf(what), body);

  return collectionOf<InstanceSpec>("instances", store, {
    property: ({ code }) => propertyOf[code] ?? "",
    plan: (ctx, ref, spec, found) => planInstance(ctx, parts, ref, spec, found),
    ensure: (ctx, ref, spec, found) =>
      job(ctx, ref, { ensure: spec }, async (inner) => {
        await refuseLost(parts, ref, found);
        await refuseReinstall(parts, ref, spec, found);
        const installed = (await store.deployment(ref.name))?.record.done === true;
        const active = found.record?.state["provisionState"] === "active";
        if (!installed || !active) return deployInstance(inner, parts, ref, spec);
        return adjust(inner, parts, ref, spec, found);
      }),
    async observe(ctx, { ref, spec, state }) {
      const name = await store.claimOf(ref.name);
      const node = name === undefined ? undefined : await store.get("nodes", name);
      if (!node || jobs.running().includes(`instances/${ref.name}`)) return {};
      const powerState = await parts.powerOf((node.spec as NodeSpec).power).state(ctx);
      if (powerState === "unknown") {
        ctx.log.warn("the controller does not answer; the last known state is kept", { node: node.ref.name });
        return { reachable: false };
      }
      await store.patch("nodes", node.ref.name, { powerState, reachable: true });
      const active = state["provisionState"] === "active";
      // Under the input's own name, so that `refresh` prints the line a user knows and the next `up` repairs it.
      return { powerState, reachable: true, power: active ? powerState : (spec as InstanceSpec).power };
    },
    async remove(ctx, record) {
      await jobs.abort(`instances/${record.ref.name}`, new Error("deleted"));
      await job(ctx, record.ref, { remove: true }, async (inner) => {
        await releaseInstance(inner, parts, record);
        return {};
      });
    },
  });
}

/** Changes that leave the disk alone: power on, off, a reboot. */
async function adjust(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  found: Found,
): Promise<State> {
  const { store, settings } = parts;
  const stored = await store.deployment(ref.name);
  if (!stored) throw new Error("an active instance has a deployment");
  const node = await specOf<NodeSpec>(store, "nodes", stored.node);
  const power = parts.powerOf(node.power, expectedOf(node, (await store.get("nodes", stored.node))?.state));
  const seen = await power.stateOrThrow(ctx);
  const rebooting =
    found.record?.spec["rebootTrigger"] !== spec.rebootTrigger && seen === "on" && spec.power === "on";
  if (seen !== spec.power || rebooting) {
    if (node.maintenance) throw workflowErrors.make("DEPLOY_MAINTENANCE", { node: stored.node });
    const limits = { ...settings.limits, ...spec.timeouts };
    const manner = {
      soft: settings.limits.soft,
      power: limits.power ?? settings.limits.power,
      hard: spec.hardReboot,
    };
    if (spec.power === "on") await parts.network.open(ctx);
    await (rebooting ? reboot(ctx, power, manner) : setPower(ctx, power, spec.power, manner));
    if (spec.power === "on") await answered(ctx, parts, ref, spec);
  }
  await store.patch("nodes", stored.node, { powerState: spec.power, reachable: true });
  const lasting = { provisionState: "active", stage: "active", lastError: "" };
  return { ...(await outputsOf(parts, ref, spec)), ...lasting, powerState: spec.power, reachable: true };
}

/** Wait as a deployment does, until the system answers again. */
async function answered(ctx: Context, parts: Parts, ref: Ref, spec: InstanceSpec): Promise<void> {
  const stored = await parts.store.deployment(ref.name);
  if (!stored) return;
  const { machine, close } = await openMachine(ctx, parts, ref, spec, stored);
  try {
    await waitForAnswer(ctx, machine, machine.limits.answer);
  } finally {
    close();
  }
}

const propertyOf: Readonly<Record<string, string>> = {
  INSTANCE_NO_NODE: "flavor",
  INSTANCE_NEEDS_REINSTALL: "",
  INTERFACE_OFF_NETWORK: "interfaces",
};

const digestOf = (what: object) => createHash("sha256").update(JSON.stringify(what)).digest("hex");
