import type { ControllerIdentity } from "../../../drivers/power/driver.ts";
import { compareIdentity } from "../../../drivers/power/identity.ts";
import { controllerOf, placeOf, together, warningsOf } from "../../../drivers/power/index.ts";
import type { Context } from "../../../kernel/context.ts";
import { hasCode, MetalError } from "../../../kernel/errors.ts";
import type { NodeSpec } from "../../../resources/index.ts";
import { after } from "../../../resources/states.ts";
import type { Machine } from "../../../services/callback/announcement.ts";
import { diskState } from "../../../workflows/inspect.ts";
import { isVisit } from "../../../workflows/visit.ts";
import { siteErrors } from "../../errors.ts";
import type { Collection, State } from "../../site.ts";
import { collectionOf, type Found } from "../collection.ts";
import { refuseHosts } from "../hosts.ts";
import type { Parts } from "../parts.ts";
import { refusePrograms } from "../programs.ts";
import type { Store, StoredRecord } from "../store/index.ts";
import { ensureInspected, type Inspector, planInspection } from "./inspecting.ts";
import { refuseOthersMac } from "./macs.ts";
import { maintenanceOf, type NodeState } from "./node-state.ts";

/** Servers: enrolled when their controller answers as the one that is meant. Enrolling switches nothing. */
export function nodes(parts: Parts, inspector: Inspector, endInspection: EndInspection): Collection {
  const { store, jobs, runs } = parts;
  return collectionOf<NodeSpec>("nodes", parts, {
    property: ({ code }) =>
      ({
        NODE_SAME_CONTROLLER: "power.address",
        NODE_MAC_TAKEN: "inspect.mac",
        POWER_PROGRAM_REFUSED: "power",
        POWER_HOST_REFUSED: "power",
      })[code] ?? "",
    holder: ({ ref }) => userOf(parts, ref.name),
    async plan(ctx, ref, spec, found) {
      const { record, known } = found;
      refusePrograms(parts.settings, spec.power);
      refuseHosts(parts.settings, spec.power);
      await soleUser(parts, ref.name, spec);
      if (spec.inspect) await refuseOthersMac(store, runs.of(known.run), ref.name, spec.inspect.mac);
      await refuseHeld(found, ref.name, spec, await userOf(parts, ref.name));
      const reason = record?.state["maintenanceReason"];
      const own = record ? [] : [`enrol ${ref.name} (controller ${placeOf(spec.power)})`];
      const words = [
        ...(reason && !spec.maintenance ? [maintenanceWords(ref.name, String(reason))] : []),
        ...(record || parts.powerOf(spec.power).choosesBoot ? [] : [networkFirst(ref.name, spec)]),
        ...(record ? [] : warningsOf(spec.power)),
      ];
      const { actions = [], warnings = [], ...plan } = await planInspection(ctx, parts, ref, spec, found);
      return { ...plan, actions: [...own, ...actions], warnings: [...words, ...warnings] };
    },
    async ensure(ctx, ref, spec, found) {
      refusePrograms(parts.settings, spec.power);
      refuseHosts(parts.settings, spec.power);
      await soleUser(parts, ref.name, spec);
      if (spec.inspect) await refuseOthersMac(store, runs.of(found.known.run), ref.name, spec.inspect.mac);
      const before = found.record?.state as NodeState | undefined;
      const claim = (await store.claims()).get(ref.name) ?? "";
      const holder = isVisit(claim) ? "" : claim;
      await refuseHeld(found, ref.name, spec, await userOf(parts, ref.name));
      if (found.record?.spec["resetTrigger"] !== spec.resetTrigger) await parts.forgiveLogin(spec.power);
      // A controller that was given up, or is being worked on, is not asked.
      const alone = before && (spec.maintenance || spec.abandon);
      const first = () => meet(ctx, parts, spec, before);
      const seen = alone
        ? lastSeenOf(before)
        : await parts.enrolling.during({ ref, power: spec.power }, first);
      const { maintenanceReason = "", lastClean } = before ?? {};
      // Told by a ramdisk, which an enrolment boots none of: what a lost store knew is still in Pulumi's state.
      const { disks = [], hardware } = before ?? (found.known.state as Partial<NodeState> | undefined) ?? {};
      const told = {
        assignedInstance: holder,
        maintenanceReason,
        disks,
        ...(lastClean ? { lastClean } : {}),
        ...(hardware ? { hardware } : {}),
      };
      const state = { ...seen, ...standing(spec, seen, before, found), ...told };
      return ensureInspected(ctx, parts, inspector, { ref, spec, state });
    },
    observe: (ctx, record) => observeNode(ctx, parts, record),
    async remove(ctx, { ref }) {
      const holder = (await store.claims()).get(ref.name);
      if (holder !== undefined && isVisit(holder)) {
        await jobs.abort(`nodes/${ref.name}`, siteErrors.make("SITE_ABORTED", { name: ref.name }));
        if ((await endInspection(ctx, parts, ref.name)) || !(await store.claims()).has(ref.name)) return;
      }
      if (holder) throw siteErrors.make("NODE_IN_USE", { node: ref.name, instance: holder });
    },
  });
}

/** End an inspection that was cut off; false if there is none. */
type EndInspection = (ctx: Context, parts: Parts, node: string) => Promise<boolean>;

const networkFirst = (node: string, { power }: NodeSpec) =>
  `what ${node} boots cannot be chosen by ${placeOf(power)}: its firmware has to try the network first, at every boot`;

const maintenanceWords = (node: string, reason: string) =>
  `${node} was put in maintenance on the command line: ${reason}. Nothing is done to it until \`pulumi-baremetal nodes maintenance ${node} --off\``;

/** One controller, or one part of it, one node: two would be switched together. */
async function soleUser({ store }: Parts, name: string, { power }: NodeSpec): Promise<void> {
  for (const { ref, spec: other } of await store.all("nodes")) {
    if (ref.name !== name && together((other as NodeSpec).power, power)) {
      throw siteErrors.make("NODE_SAME_CONTROLLER", { other: ref.name, controller: placeOf(power) });
    }
  }
}

/** Who needs the server as it is: its instance, but not one whose installation was given up before anything was written. */
async function userOf({ store }: Parts, node: string): Promise<string | undefined> {
  const instance = (await store.claims()).get(node);
  const record = instance === undefined ? undefined : (await store.deployment(instance))?.record;
  const begun = record?.touched || record?.done || record?.adopted || record?.earlier || record?.erased;
  return record && !begun ? undefined : instance;
}

async function refuseHeld(
  { record }: Found,
  node: string,
  spec: NodeSpec,
  instance: string | undefined,
): Promise<void> {
  const before = record?.spec as NodeSpec | undefined;
  const starts = ({ arch, bootMode, boot }: NodeSpec) => ({
    arch,
    bootMode,
    boot: boot?.driver ?? "network",
  });
  const [was, is] = [starts(before ?? spec), starts(spec)];
  const fields = (["arch", "bootMode", "boot"] as const).filter((key) => was[key] !== is[key]);
  if (fields.length > 0 && instance !== undefined) {
    throw siteErrors.make("NODE_HELD", { fields: fields.join(", "), node, instance });
  }
}

/** Ask the controller for state and identity, and compare: with the program, and with what was enrolled. */
async function meet(ctx: Context, parts: Parts, spec: NodeSpec, before: NodeState | undefined) {
  ctx.report({ stage: "trying the controller" });
  const { state, identity } = await parts.powerOf(spec.power, expectedOf(spec, before)).probe(ctx);
  await noteSeen(parts, spec);
  const { guid, manufacturer, model, serial } = identity;
  const controller = Object.fromEntries(
    Object.entries({ guid, manufacturer, model, serial }).filter(([, value]) => value !== undefined),
  );
  return { powerState: state, reachable: true, controller, serial: serial ?? before?.serial ?? "" };
}

/** The outputs that asking would bring; a record's state repeats its inputs beside them. */
const lastSeenOf = ({ powerState, reachable, controller, serial }: NodeState) => ({
  ...{ powerState, reachable, controller, serial },
});

/** What a refresh shows of a server: its power, whose controller answers, what somebody did on the command line. */
async function observeNode(ctx: Context, parts: Parts, record: StoredRecord): Promise<State> {
  const spec = record.spec as NodeSpec;
  const before = record.state as NodeState;
  const kept = { lastError: before.lastError, maintenance: maintenanceOf(record) !== undefined, drift: [] };
  if (spec.abandon) return { ...kept, reachable: false };
  const power = parts.powerOf(spec.power);
  const { state: powerState, reason } = await power.look(ctx);
  if (powerState === "unknown") {
    const words = reason?.record.text ?? "the controller does not answer";
    ctx.log.warn(`${words}; the last known state is kept`, { node: record.ref.name });
    const denied = hasCode(reason, "POWER_DENIED", "POWER_LOCKED_OUT", "POWER_KG", "POWER_NOT_ALLOWED");
    return { ...kept, reachable: false, drift: denied ? [words] : [] };
  }
  const seen = await identityOf(ctx, () => power.identity(ctx));
  const verdict = compareIdentity(expectedOf(spec, before), seen);
  if (typeof verdict === "string") {
    if (verdict === "same") await noteSeen(parts, spec);
    return { ...kept, powerState, reachable: true };
  }
  const { what, expected, seen: other } = verdict;
  const drift = [`the controller sits in another machine: its ${what} is ${other}, it was ${expected}`];
  // Under the input's own name where there is one, so that the next update compares and refuses.
  const identity = what === "serial number" ? { identity: { ...spec.identity, serial: other } } : {};
  return { ...kept, ...identity, powerState, reachable: true, drift };
}

/** A controller that answers and does not tell who it is has not drifted. */
async function identityOf(ctx: Context, ask: () => Promise<ControllerIdentity>): Promise<ControllerIdentity> {
  try {
    return await ask();
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (error instanceof MetalError && error.record.fault === "controller") return {};
    throw error;
  }
}

const seenKey = "identity-seen";
/** Remember that the controller told who it is, and was the expected one. */
const noteSeen = ({ store }: Parts, { power }: NodeSpec) =>
  store.remember(controllerOf(power), seenKey, new Date().toISOString());
/** When it did last; empty = never. */
export const lastSeen = async ({ store }: Parts, { power }: NodeSpec): Promise<string> =>
  (await store.recall(controllerOf(power), seenKey)) ?? "";

/** Who a node's controller has to be: what the program says, and what was enrolled. */
export function expectedOf(spec: NodeSpec, state: State | undefined): ControllerIdentity {
  const enrolled = (state as NodeState | undefined)?.controller ?? {};
  const { serial, productUuid } = spec.identity ?? {};
  return {
    ...enrolled,
    ...(serial === undefined ? {} : { serial }),
    ...(productUuid === undefined ? {} : { productUuid }),
  };
}

/** Where the node stands now: a first enrolment goes by what was met, later ones keep where it is. */
function standing(
  spec: NodeSpec,
  { powerState }: Pick<NodeState, "powerState">,
  before: NodeState | undefined,
  { record, known }: Found,
): Pick<NodeState, "provisionState" | "lastError"> {
  if (before === undefined) {
    // Another site's records say that a system is on it: off or not, nobody gets it by chance.
    const held = String(known.state?.["assignedInstance"] ?? "") !== "";
    const offered = !held && (powerState === "off" || spec.provide);
    return { provisionState: offered ? "available" : "manageable", lastError: "" };
  }
  const { provisionState, lastError } = before;
  if (record?.spec["resetTrigger"] !== spec.resetTrigger)
    return { provisionState: after(provisionState, "reset") ?? provisionState, lastError: "" };
  const offered = provisionState === "manageable" && !spec.abandon && (spec.provide || powerState === "off");
  return { provisionState: offered ? "available" : provisionState, lastError };
}

/** Whether a failure belongs to the server or its controller: only those set a node aside. */
export const setsAside = (error: unknown): boolean =>
  error instanceof MetalError && ["node", "controller"].includes(error.record.fault);

/** What a ramdisk told of a server's disks is remembered with its node, whatever becomes of what it was booted for. */
export const rememberDisks = (store: Store, node: string, { disks }: Machine): Promise<void> =>
  store.patch("nodes", node, { disks: disks.map(diskState) });
