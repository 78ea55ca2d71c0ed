import { placeOf } from "../../../../drivers/power/index.ts";
import { toBytes } from "../../../../kernel/units.ts";
import type { FlavorSpec, InstanceSpec, NodeSpec } from "../../../../resources/index.ts";
import { erasingFields, type InstanceFacts, movesOf, type System } from "../../../../resources/plan.ts";
import { hintsFor } from "../../../../resources/root-device.ts";
import { unfit as whyUnfit } from "../../../../resources/schedule.ts";
import { sized } from "../../../../resources/sizes.ts";
import { isRescue } from "../../../../resources/states.ts";
import { UNKNOWN, unknownPaths } from "../../../../resources/unknown.ts";
import type { Disk } from "../../../../services/callback/announcement.ts";
import type { DeploymentRecord } from "../../../../workflows/deployment.ts";
import type { Ref, State } from "../../../site.ts";
import type { Found } from "../../collection.ts";
import type { Parts } from "../../parts.ts";
import type { Run } from "../../runs.ts";
import { lastSeen } from "../node.ts";
import { choose, flavorOf, isUnderWay } from "./claim.ts";
import { cleansFirst } from "./unclean.ts";

/** What the plan of an instance is computed from: our records, the inputs, what this run declares. No hardware is asked. */
export async function factsOf(
  parts: Parts,
  ref: Ref,
  after: InstanceSpec,
  found: Found,
  how: { readonly run: Run; readonly replacing: boolean },
): Promise<InstanceFacts & { readonly ephemeral: number | undefined }> {
  const { store } = parts;
  const { record, known } = found;
  const { run, replacing } = how;
  const deployment = await store.deployment(ref.name);
  const before = beforeOf(found);
  const lost = found.lost && wasInstalled(known.state);
  const system = lost
    ? systemOfState(known.state ?? {})
    : deployment && systemOf(deployment.node, deployment.record, before?.image ?? "");
  const at = system?.node ?? (after.node === UNKNOWN ? undefined : after.node);
  const flavor = await declaredFlavor(parts, after, run);
  const unfit = system && flavor ? await unfitHere(parts, system.node, after, flavor, run) : undefined;
  const placed = system !== undefined && !replacing && movesOf({ after, unfit }, system).length === 0;
  const choice =
    placed || !(await allKnown(parts, after, run)) ? undefined : await choose(store, ref, after, run);
  const cleans = await cleansFirst(store, choice?.chosen, ref, run);
  return {
    ...{ name: ref.name, before, after, system, lost, replacing },
    server: at === undefined ? undefined : await serverOf(parts, at),
    unfit,
    underWay: await underWayOn(parts, ref.name, system !== undefined),
    waiting: record !== undefined && !isInstalled(record.state["provisionState"]),
    choice,
    ...(cleans === undefined ? {} : { cleans }),
    seconds: await store.usualSeconds(),
    ephemeral: flavor && toBytes(flavor.ephemeral ?? "0 B"),
  };
}

async function underWayOn(
  { store }: Parts,
  instance: string,
  installed: boolean,
): Promise<string | undefined> {
  const node = installed ? undefined : await store.claimOf(instance);
  return node !== undefined && (await isUnderWay(store, instance, node)) ? node : undefined;
}

/** The inputs as they are remembered. A refresh has looked since at what can drift, so there Pulumi's memory goes first. */
function beforeOf({ record, known }: Found): Partial<InstanceSpec> | undefined {
  const state = known.state as Partial<InstanceSpec> | undefined;
  if (!record) return state;
  const { power, drift } = state ?? {};
  return { ...record.spec, ...(power ? { power } : {}), ...(drift ? { drift } : {}) };
}

/** Whether a state says that a system is installed. A check is given the inputs alone, which do not say. */
function wasInstalled(state: State | undefined): InstanceFacts["lost"] {
  const told = state?.["provisionState"];
  if (told === undefined) return "unsaid";
  return isInstalled(told) || told === "wait call-back" ? "installed" : false;
}

/** Also one whose server is in a rescue: its system is where it was. */
const isInstalled = (provisionState: unknown) => provisionState === "active" || isRescue(provisionState);

/** The system that a deployment made, or the one that it has not erased yet. */
export function systemOf(node: string, record: DeploymentRecord, image: string): System | undefined {
  const whole = record.done === true;
  const made = whole ? record : record.erased ? undefined : record.earlier;
  if (!made) return undefined;
  return {
    ...{ node, whole, id: made.id, fields: made.system ?? {} },
    disk: made.disk ? namesOf(made.disk) : "",
    size: made.disk?.size ?? 0,
    holds: made.foreign
      ? "a system that somebody installed by hand"
      : made.adopted
        ? "an unknown image (it was adopted)"
        : `the system of ${image}`,
    ephemeral: made.layout?.ephemeral ?? 0,
    foreign: made.foreign !== undefined,
  };
}

/** What Pulumi remembers of a system whose record this site has lost. */
function systemOfState(state: State): System {
  return {
    // A check is told the inputs alone, and without a pinned node they do not say where it stands.
    node: String(state["assignedNode"] ?? state["node"] ?? ""),
    ...{ id: `state of ${state["siteId"]}`, whole: true, foreign: false, size: 0, ephemeral: 0 },
    fields: Object.fromEntries(erasingFields.map((key) => [key, state[key]])),
    disk: String(state["rootDevice"] ?? ""),
    holds: `the system of ${state["image"]}`,
  };
}

const namesOf = ({ byId, wwn, name }: Disk): string =>
  [byId, byId.includes(wwn) ? "" : wwn].filter((word) => word !== "").join(", ") || name;

async function serverOf(parts: Parts, name: string): Promise<InstanceFacts["server"]> {
  const record = await parts.store.get("nodes", name);
  if (!record) return undefined;
  const spec = record.spec as NodeSpec;
  return {
    node: name,
    controller: placeOf(spec.power),
    serial: String(record.state["serial"] ?? ""),
    verified: await lastSeen(parts, spec),
  };
}

async function declaredFlavor(
  { store }: Parts,
  { flavor }: InstanceSpec,
  run: Run,
): Promise<FlavorSpec | undefined> {
  const there = run.declared.has(`flavors/${flavor}`) || (await store.get("flavors", flavor)) !== undefined;
  return there ? flavorOf(store, flavor, run) : undefined;
}

async function unfitHere(
  { store }: Parts,
  node: string,
  after: InstanceSpec,
  flavor: FlavorSpec,
  run: Run,
): Promise<string | undefined> {
  const record = await store.get("nodes", node);
  const spec = (run.declared.get(`nodes/${node}`) ?? record?.spec) as NodeSpec | undefined;
  return spec && whyUnfit(sized(spec, record?.state ?? {}, hintsFor(after, spec)), flavor);
}

/** Whether everything the instance names is enrolled, so that the scheduler can be asked at preview. */
async function allKnown({ store }: Parts, spec: InstanceSpec, run: Run): Promise<boolean> {
  if (unknownPaths([spec.node, spec.candidates, spec.interfaces, spec.flavor]).length > 0) return false;
  const nodes = spec.node === undefined ? (spec.candidates ?? []) : [spec.node];
  // Without a pinned node or candidates, nodes of this very program may still be made before.
  if (nodes.length === 0) return false;
  if (!run.declared.has(`flavors/${spec.flavor}`) && !(await store.get("flavors", spec.flavor))) return false;
  const records = await Promise.all(nodes.map((name) => store.get("nodes", name)));
  if (records.includes(undefined)) return false;
  const cards = await store.all("interfaces");
  return nodes.some((name) => cards.some(({ spec: card }) => card["node"] === name));
}
