import type { Context } from "../../kernel/context.ts";
import type { NodeSpec } from "../../resources/index.ts";
import { hintsFor } from "../../resources/root-device.ts";
import type { ProvisionState } from "../../resources/states.ts";
import type { Hardware, Machine } from "../../services/callback/announcement.ts";
import { hardwareState, inspect } from "../../workflows/inspect.ts";
import { StepFailed } from "../../workflows/run.ts";
import { type VisitRecord, visitOf } from "../../workflows/visit.ts";
import { refuseVisit } from "./collections/inspecting.ts";
import { hintWords } from "./collections/instance/boot-files.ts";
import { holdNode, refuseMaintenance } from "./collections/instance/claim.ts";
import { refuseWhileDrained } from "./draining.ts";
import { cutOff } from "./jobs.ts";
import type { Parts } from "./parts.ts";
import type { StoredRecord } from "./store/index.ts";
import { endVisit, runVisit } from "./visits.ts";

/** What a ramdisk told of a server, and of its own visit. */
export interface Look {
  readonly visit: VisitRecord;
  readonly machine: Machine;
  readonly hardware: Hardware;
}

/**
 * Boot a node once into the ramdisk, have it tell what it is made of, and leave it off, where it was. What it told is
 * remembered with the node.
 */
export async function lookAt(ctx: Context, parts: Parts, node: StoredRecord): Promise<Look> {
  const { store } = parts;
  const { name } = node.ref;
  const spec = node.spec as NodeSpec;
  refuseWhileDrained(parts, name);
  await refuseVisit(store, node);
  await refuseMaintenance(store, name);
  await holdNode(store, name, { name: visitOf(name), owner: node.ref.owner });
  const found = (await store.visit(name))?.order;
  const from = found?.mode === "inspect" ? found.from : (node.state["provisionState"] as ProvisionState);
  await store.patch("nodes", name, { provisionState: "inspecting" });
  try {
    const hints = hintWords(hintsFor({}, spec));
    const visit = await runVisit(ctx, parts, name, { mode: "inspect", hints, from }, inspect);
    const { machine, hardware } = visit;
    if (!machine || !hardware) throw new Error("an inspection that is done has told everything");
    const seen = { at: new Date().toISOString(), inspectedThrough: spec.inspect?.mac ?? "" };
    const told = hardwareState(machine, hardware, seen);
    await store.patch("nodes", name, { powerState: "off", reachable: true, hardware: told });
    await setFree(parts, name, from);
    return { visit, machine, hardware };
  } catch (error) {
    // Cut off, it is gone on with when it is asked for again, or ended by a reset.
    if (!cutOff(ctx, error)) await setFree(parts, name, from);
    throw error instanceof StepFailed ? error.failure : error;
  }
}

/** End an inspection that was cut off and that nobody goes on with; false if there is none. */
export async function endInspection(ctx: Context, parts: Parts, node: string): Promise<boolean> {
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
