import { hasRamdisk } from "../../kernel/arch.ts";
import type { Context } from "../../kernel/context.ts";
import type { NodeSpec } from "../../resources/index.ts";
import { hintsFor } from "../../resources/root-device.ts";
import type { ProvisionState } from "../../resources/states.ts";
import { workflowErrors } from "../../workflows/errors.ts";
import { findingsOf, inspect, type Rehearsal } from "../../workflows/inspect.ts";
import { StepFailed } from "../../workflows/run.ts";
import { visitOf } from "../../workflows/visit.ts";
import { hintWords } from "./collections/instance/boot-files.ts";
import { cardsOf, holdNode, refuseMaintenance } from "./collections/instance/claim.ts";
import type { NodeState } from "./collections/node.ts";
import { cutOff } from "./jobs.ts";
import type { Parts } from "./parts.ts";
import type { StoredRecord } from "./store/index.ts";
import { endVisit, runVisit } from "./visits.ts";

/**
 * Go the way of a deployment up to the point where it would write: power, network boot, ramdisk, identity, disk. The
 * server is left off, and its node where it was. Answers what was seen, and what would be in the way.
 */
export async function rehearse(ctx: Context, parts: Parts, node: StoredRecord): Promise<Rehearsal> {
  const { store } = parts;
  const { name } = node.ref;
  const spec = node.spec as NodeSpec;
  await refuse(parts, node);
  await refuseMaintenance(store, name);
  const claim = { name: visitOf(name), owner: node.ref.owner };
  await holdNode(store, name, claim);
  const found = (await store.visit(name))?.order;
  const from = found?.mode === "inspect" ? found.from : (node.state["provisionState"] as ProvisionState);
  await store.patch("nodes", name, { provisionState: "inspecting" });
  try {
    const hints = hintWords(hintsFor({}, spec));
    const seen = await runVisit(ctx, parts, name, { mode: "inspect", hints, from }, inspect);
    const { machine, hardware } = seen;
    if (!machine || !hardware) throw new Error("an inspection that is done has told everything");
    await store.patch("nodes", name, { powerState: "off", reachable: true });
    const macs = (await cardsOf(store, name, {})).map(({ mac }) => mac);
    const { bootId, ...told } = machine;
    return {
      ...{ node: name, at: new Date().toISOString(), controller: (node.state as NodeState).controller },
      ...{ driver: spec.power.driver, bootMode: spec.bootMode },
      ...{
        findings: findingsOf({ name, spec }, macs, machine, hardware),
        steps: await store.timeline(seen.id),
      },
      ...{ machine: told, hardware },
    };
  } catch (error) {
    throw error instanceof StepFailed ? error.failure : error;
  } finally {
    // Cut off, it is gone on with by the next rehearsal, or ended by a reset.
    if (!cutOff(ctx)) await setFree(parts, name, from);
  }
}

/** End a rehearsal that was cut off and that nobody goes on with; false if there is none. */
export async function endRehearsal(ctx: Context, parts: Parts, node: string): Promise<boolean> {
  const order = (await parts.store.visit(node))?.order;
  if (order?.mode !== "inspect") return false;
  await endVisit(ctx, parts, node);
  await setFree(parts, node, order.from);
  return true;
}

async function setFree({ store }: Parts, node: string, provisionState: ProvisionState): Promise<void> {
  await store.patch("nodes", node, { provisionState });
  await store.release(visitOf(node));
}

/** Only a node that nobody needs is booted to be looked at. */
async function refuse({ store }: Parts, { ref: { name }, spec, state }: StoredRecord): Promise<void> {
  const provisionState = String(state["provisionState"]);
  const why = (spec as NodeSpec).abandon
    ? "its controller was given up (`abandon`)"
    : !["available", "manageable", "inspecting"].includes(provisionState)
      ? `it is ${provisionState}`
      : !hasRamdisk((spec as NodeSpec).arch)
        ? "there is no ramdisk of our own for i386"
        : (await cardsOf(store, name, {})).length === 0
          ? "it has no Interface to boot from"
          : undefined;
  if (why !== undefined) throw workflowErrors.make("VISIT_REFUSED", { node: name, what: "inspect", why });
}
