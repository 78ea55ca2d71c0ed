import { hasRamdisk } from "../../kernel/arch.ts";
import type { Context } from "../../kernel/context.ts";
import { MetalError, toRecord } from "../../kernel/errors.ts";
import { planErrors } from "../../resources/errors.ts";
import type { ImageSpec, InstanceSpec, NodeSpec } from "../../resources/index.ts";
import { isRescue, type ProvisionState } from "../../resources/states.ts";
import { sshPort } from "../../services/probes/probe.ts";
import { workflowErrors } from "../../workflows/errors.ts";
import { setPower } from "../../workflows/power.ts";
import { approvedKey, endRescue, rescue, rescueState } from "../../workflows/rescue.ts";
import { StepFailed } from "../../workflows/run.ts";
import { type RescueOrder, type VisitRecord, visitOf } from "../../workflows/visit.ts";
import type { State } from "../site.ts";
import { kindOf } from "./collections/image.ts";
import { answered } from "./collections/instance/adjusting.ts";
import { layBoot } from "./collections/instance/boot.ts";
import { cardsOf, refuseMaintenance } from "./collections/instance/claim.ts";
import { bootCardsOf } from "./collections/macs.ts";
import { expectedOf } from "./collections/node.ts";
import { refuseWhileDrained } from "./draining.ts";
import { cutOff } from "./jobs.ts";
import type { Parts } from "./parts.ts";
import type { StoredDeployment } from "./store/deployments.ts";
import type { StoredRecord } from "./store/index.ts";
import { newVisit, openVisit, runVisit } from "./visits.ts";

/** A server with an installed system of this site. */
interface Patient {
  readonly node: StoredRecord;
  readonly instance: StoredRecord;
  readonly stored: StoredDeployment;
}

/** Who may come in, and whether a system that runs may be ended for it. */
export interface RescueWish {
  readonly key: string;
  readonly powerOff: boolean;
}

/** Boot an installed server into a ramdisk with an SSH server. Answers how to come in. Asked again: the same, still. */
export async function rescueNode(
  ctx: Context,
  parts: Parts,
  node: string,
  { key: given, powerOff }: RescueWish,
): Promise<State> {
  const key = approvedKey(given);
  const { store, settings } = parts;
  const patient = await patientOf(parts, node);
  refuseWhileDrained(parts, node);
  await refuse(ctx, parts, patient, powerOff);
  const { ref } = patient.instance;
  const found = await rescueOf(parts, node);
  const standing = patient.node.state["provisionState"] as ProvisionState;
  const order: RescueOrder = {
    ...{ mode: "rescue", key, instance: ref.name },
    from: found?.order.from ?? standing,
  };
  if (found) await store.keepVisit(node, await goneOnWith(ctx, parts, node, found, order));
  try {
    const steps = rescue({ soft: settings.limits.soft });
    const seen = await runVisit(ctx, parts, node, order, steps, (record) =>
      show(parts, patient, rescueState(record)),
    );
    await store.patch("nodes", node, { powerState: "on", reachable: true });
    return {
      node,
      instance: ref.name,
      address: seen.address,
      hostKey: seen.hostKey,
      provisionState: "rescue",
    };
  } catch (error) {
    throw await failed(ctx, parts, patient, "rescue failed", error);
  }
}

/** Switch the ramdisk off, and boot the installed system if its instance is declared on. */
export async function unrescueNode(ctx: Context, parts: Parts, node: string): Promise<State> {
  const patient = await patientOf(parts, node);
  const { instance, stored } = patient;
  const found = await rescueOf(parts, node);
  if (!found || !isRescue(patient.node.state["provisionState"])) {
    throw refused(node, "it is in no rescue that could be ended");
  }
  await refuseMaintenance(parts.store, node);
  const spec = instance.spec as InstanceSpec;
  const { from } = found.order;
  await show(parts, patient, "unrescuing");
  try {
    await bootSystem(ctx, parts, patient, found);
  } catch (error) {
    throw await failed(ctx, parts, patient, "unrescue failed", error);
  }
  await parts.store.patch("nodes", node, { powerState: spec.power, reachable: true, lastError: "" });
  // Until here the way back is known; from here on nothing of it is ours to switch off.
  await parts.store.keepVisit(node, newVisit(found.order));
  await show(parts, patient, from);
  await parts.store.dropVisit(node);
  if (spec.power === "on" && from === "active") await answered(ctx, parts, instance.ref, spec, stored);
  return { node, instance: instance.ref.name, provisionState: from, powerState: spec.power };
}

async function patientOf({ store }: Parts, name: string): Promise<Patient> {
  const node = await store.get("nodes", name);
  const holder = (await store.claims()).get(name);
  const instance = holder === undefined ? undefined : await store.get("instances", holder);
  if (!node || !instance) throw refused(name, "no instance is on it");
  const stored = await store.deployment(instance.ref.name);
  if (stored?.node !== name || !stored.record.done) {
    throw refused(name, `instance ${instance.ref.name} is not installed there yet`);
  }
  return { node, instance, stored };
}

const refused = (node: string, why: string) => workflowErrors.make("RESCUE_REFUSED", { node, why });

async function refuse(
  ctx: Context,
  parts: Parts,
  { node, instance }: Patient,
  powerOff: boolean,
): Promise<void> {
  const { store } = parts;
  const { name } = node.ref;
  const { locked } = instance.spec as InstanceSpec;
  if (locked)
    throw planErrors.make("INSTANCE_LOCKED", { instance: instance.ref.name, what: "rescue its server" });
  await refuseMaintenance(store, name);
  const spec = node.spec as NodeSpec;
  const { provisionState } = node.state;
  const why = spec.abandon
    ? "its controller was given up (`abandon`)"
    : !["active", "wait call-back"].includes(String(provisionState)) && !isRescue(provisionState)
      ? `it is ${provisionState}`
      : !hasRamdisk(spec.arch)
        ? `there is no ramdisk of our own for ${spec.arch}`
        : (await cardsOf(store, name, {})).length === 0
          ? "it has no Interface to boot from"
          : undefined;
  if (why !== undefined) throw refused(name, why);
  const { state } = await parts.powerOf(spec.power, expectedOf(spec, node.state)).probe(ctx);
  if (state === "on" && !powerOff && !isRescue(provisionState)) {
    throw workflowErrors.make("RESCUE_RUNNING_SYSTEM", { node: name, instance: instance.ref.name });
  }
}

async function rescueOf({ store }: Parts, node: string) {
  const found = await store.visit(node);
  return found?.order.mode === "rescue" ? { ...found, order: found.order } : undefined;
}

/** From where a rescue is gone on with that was begun before: with another key, or a ramdisk that is not there, anew. */
async function goneOnWith(
  ctx: Context,
  parts: Parts,
  node: string,
  found: VisitRecord,
  order: RescueOrder,
): Promise<VisitRecord> {
  const { hostKey, address, ...rest } = found;
  if (found.order.mode === "rescue" && found.order.key !== order.key) {
    const { machine, close } = await openVisit(ctx, parts, node, found);
    try {
      if (found.powered) await endRescue(ctx, machine);
    } finally {
      close();
    }
    return { ...newVisit(order), ...(found.touched ? { touched: true } : {}) };
  }
  if (hostKey === undefined || address === undefined) return found;
  // Started again it has another host key, and calls with it.
  return (await parts.hostKeys(ctx, address, sshPort)).includes(hostKey) ? found : rest;
}

/** Where node and instance stand, for whoever looks. */
async function show({ store }: Parts, { node, instance }: Patient, state: ProvisionState | undefined) {
  if (state === undefined) return;
  await store.patch("nodes", node.ref.name, { provisionState: state });
  await store.patch("instances", instance.ref.name, { provisionState: state, stage: state });
}

async function failed(
  ctx: Context,
  parts: Parts,
  patient: Patient,
  state: ProvisionState,
  error: unknown,
): Promise<unknown> {
  if (cutOff(ctx, error)) return error; // not failed: asked again, it goes on from here
  const failure = error instanceof StepFailed ? error.failure : error;
  const { name } = patient.node.ref;
  // Refused or failed before anything was switched: the system runs on.
  if (isRescue((await parts.store.get("nodes", name))?.state["provisionState"])) {
    await show(parts, patient, state);
    const lastError = failure instanceof MetalError ? failure.message : toRecord(failure).text;
    await parts.store.patch("nodes", name, { lastError });
  }
  return failure;
}

/** Out of the ramdisk, and onto the way on which its system booted before. */
async function bootSystem(
  ctx: Context,
  parts: Parts,
  { node, instance, stored }: Patient,
  found: VisitRecord,
): Promise<void> {
  const { name } = node.ref;
  const declared = instance.spec as InstanceSpec;
  const spec = node.spec as NodeSpec;
  const { machine, close } = await openVisit(ctx, parts, name, found);
  try {
    if (spec.abandon) ctx.log.warn("its controller was given up: nothing is switched", { node: name });
    else await endRescue(ctx, machine);
    await parts.network.open(ctx, await bootCardsOf(parts.store, name, spec));
    const { adopted, image } = stored.record;
    // Menus first, then the ramdisk's files: at no moment is there no menu for its cards.
    if (!adopted) await layBoot(ctx, parts, instance.ref, declared, stored);
    ctx.report({ stage: "withdrawing boot files" });
    await machine.boot.withdraw(ctx, visitOf(name), machine.node.macs);
    // DHCP knew none of an adopted system's cards, nor those that its instance does not use.
    const own = adopted ? [] : (await cardsOf(parts.store, name, declared)).map(({ mac }) => mac);
    await parts.network.dismiss(
      ctx,
      machine.node.macs.filter((mac) => !own.includes(mac)),
    );
    if (spec.abandon) return;
    const installed = image ?? (await parts.store.get("images", declared.image))?.spec;
    const fromNetwork = !adopted && installed !== undefined && kindOf(installed as ImageSpec) === "partition";
    const device = fromNetwork ? "network" : "disk";
    await machine.power.bootFrom(ctx, { device, persistent: true, firmware: spec.bootMode });
    const { soft } = parts.settings.limits;
    const power = machine.power.limit;
    if (declared.power === "on") await setPower(ctx, machine.power, "on", { soft, power, hard: true });
  } finally {
    close();
  }
}
