import { createHash } from "node:crypto";
import { differences } from "./compare.ts";
import type { InstanceSpec } from "./index.ts";
import { Instance } from "./instance.ts";
import type { Change, ResourceDefinition } from "./resource.ts";
import type { Choice } from "./schedule.ts";
import { adoptActions, cleanActions, installActions, powerActions, replaceActions } from "./steps.ts";
import { UNKNOWN, unknownPaths } from "./unknown.ts";

/**
 * What a declaration would do, computed here and nowhere else, from facts alone. The helper computes it at preview and
 * again under the lock of the job that acts: preview text, diff, gate and the work that is chosen all read this one object.
 */
export interface ResourcePlan {
  /** The heaviest thing that is done. */
  readonly effect: Effect;
  /** Inputs that differ, in the schema's order. */
  readonly changed: readonly string[];
  /** Inputs for whose sake another server takes its place. */
  readonly replaces: readonly string[];
  /** What is done, in order, for people. */
  readonly actions: readonly string[];
  /** What is lost. Absent: nothing that anybody installed. */
  readonly erases?: Erasure;
  /** A value that only the update knows may make it an erasure. */
  readonly mayErase?: boolean;
  /** Where it would be installed, and why not on the others. */
  readonly choice?: Choice;
  /** How long it is likely to take, in seconds, from earlier deployments. */
  readonly seconds?: number;
}

export type Effect =
  | "none"
  /** Records and files; the server is not touched. */
  | "in-place"
  /** Recorded anew; the server is not touched. */
  | "enrol"
  /** A system that runs is taken over as it is. */
  | "adopt"
  /** Switched on, off, or rebooted. */
  | "power"
  /** A reinstall that was given up before it erased anything: its earlier system is booted again. */
  | "restore"
  | "install"
  | "reinstall"
  | "replace"
  | "refused";

/** What is lost when a disk is written again. */
export interface Erasure {
  readonly node: string;
  /** Host and port of its controller. */
  readonly controller: string;
  /** Empty when nobody told it. */
  readonly serial: string;
  /** When controller or ramdisk told it last, ISO 8601; empty = never. */
  readonly verified: string;
  /** Its lasting names; empty until the ramdisk looks. */
  readonly disk: string;
  /** Bytes; 0 until the ramdisk looks. */
  readonly size: number;
  /** In words. */
  readonly holds: string;
  /** Allows exactly this, once: a digest of the node, its serial, the disk, what is on it and what is to come. */
  readonly token: string;
}

/** The system that an instance has on a server's disk. */
export interface System {
  /** Empty where its record is lost and nobody says. */
  readonly node: string;
  /** The deployment that made it. */
  readonly id: string;
  /** The fields whose change writes the disk again, as they were when it was installed. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly disk: string;
  readonly size: number;
  readonly holds: string;
  /** Bytes of its ephemeral partition. */
  readonly ephemeral: number;
  /** false: a reinstall has begun and has not erased it yet. */
  readonly whole: boolean;
  /** Another system answers in its place: somebody installed the server by hand. */
  readonly foreign: boolean;
}

/** What is known when an instance is planned. */
export interface InstanceFacts {
  readonly name: string;
  /** The inputs that are remembered, by the site or, where its record is lost, by Pulumi. */
  readonly before: Partial<InstanceSpec> | undefined;
  /** May hold unknowns at preview. */
  readonly after: InstanceSpec;
  readonly system: System | undefined;
  /** The server of `system`, or the one that is pinned. */
  readonly server: Pick<Erasure, "node" | "controller" | "serial" | "verified"> | undefined;
  /** Why that server no longer meets the flavor. */
  readonly unfit: string | undefined;
  /** This site has no record of what Pulumi remembers as installed, or, where Pulumi shows the inputs alone, does not say. */
  readonly lost: "installed" | "unsaid" | false;
  /** A first installation was begun and goes on. */
  readonly underWay: string | undefined;
  /** Its system was written and has not answered yet. */
  readonly waiting: boolean;
  /** Pulumi puts another in its place for reasons of its own (`--replace`, `replaceOnChanges`). */
  readonly replacing: boolean;
  readonly choice: Choice | undefined;
  /** How the chosen server is cleaned first of what another owner left. */
  readonly cleans?: string;
  readonly seconds: number | undefined;
}

/** Plan any resource whose changes are told by its schema alone. `held`: an instance depends on it. */
export function planDeclaration(
  definition: ResourceDefinition,
  before: Readonly<Record<string, unknown>> | undefined,
  after: Readonly<Record<string, unknown>>,
  held: boolean,
): ResourcePlan {
  const none = { changed: [], replaces: [], actions: [] };
  if (before === undefined) return { ...none, effect: "enrol" };
  const { changed, changes } = differences(definition, before, after);
  if (held && changed.some((field) => refusedWhileHeld(changes[field])))
    return { ...none, changed, effect: "refused" };
  const replaces = changed.filter((field) => changes[field] === "replace");
  const effect = replaces.length > 0 ? "replace" : changed.length > 0 ? "in-place" : "none";
  return { ...none, changed, replaces, effect };
}

const refusedWhileHeld = (change: Change | undefined) => change === "refused-in-use" || change === "replace";

/** The fields of an instance whose change writes its disk again. */
export const erasingFields: readonly string[] = Object.entries(Instance.inputs.shape)
  .filter(([, field]) => field.meta()?.change === "reinstall")
  .map(([key]) => key);

/** Plan an instance: from nothing, over a system that is there, or after its record was lost. */
export function planInstance(facts: InstanceFacts): ResourcePlan {
  const { system, after, lost } = facts;
  if (system === undefined) return planFirst(facts);
  const { changed, changes } = changesOf(facts, system);
  const moves = movesOf(facts, system);
  const known = changed.filter((field) => unknownPaths(after[field as keyof InstanceSpec]).length === 0);
  const erasing = known.filter((field) => changes[field] === "reinstall");
  // A server that stays off has nothing to reboot.
  const stirs = (field: string) => field !== "rebootTrigger" || after.power === "on";
  const waking = known.filter((field) => changes[field] === "power" && stirs(field));
  const common = { changed, replaces: moves, actions: [], ...later(facts, system) };
  if (moves.length > 0 || facts.replacing) {
    const actions = replaceActions(system.node, facts.choice?.chosen, after, facts.cleans);
    return { ...common, ...timed(facts), effect: "replace", actions, erases: erasureOf(facts, system) };
  }
  if (system.foreign && after.adopt)
    return { ...common, effect: "adopt", actions: adoptActions(system.node) };
  if (erasing.length > 0) {
    const actions = installActions(system.node, after, "its disk");
    return { ...common, ...timed(facts), effect: "reinstall", actions, erases: erasureOf(facts, system) };
  }
  if (lost) {
    const where = system.node === "" ? "" : ` on ${system.node}`;
    const otherwise = lost === "unsaid" ? ", or install it if that never ended" : "";
    return { ...common, effect: "enrol", actions: [`enrol ${facts.name}${where} again${otherwise}`] };
  }
  if (!system.whole) return { ...common, effect: "restore", actions: [`boot ${system.node} from its disk`] };
  if (waking.length > 0)
    return { ...common, effect: "power", actions: powerActions(system.node, after, waking) };
  if (facts.waiting) {
    const actions = [`wait until the system on ${system.node} answers`];
    return { ...common, effect: "in-place", actions };
  }
  const mayErase = changed.length > 0 || common.mayErase === true;
  return { ...common, effect: mayErase ? "in-place" : "none" };
}

function planFirst(facts: InstanceFacts): ResourcePlan {
  const { after, choice, underWay } = facts;
  const common = { changed: [], replaces: [], ...(choice ? { choice } : {}) };
  if (underWay !== undefined) {
    const actions = [`go on with the installation on ${underWay}`];
    return { ...common, ...timed(facts), effect: "install", actions };
  }
  if (after.adopt) return { ...common, effect: "adopt", actions: adoptActions(after.node ?? "its server") };
  const actions = [...cleanActions(choice?.chosen, facts.cleans), ...installActions(choice?.chosen, after)];
  return { ...common, ...timed(facts), effect: "install", actions };
}

/** The fields that differ from what is installed and remembered. Where it stands is `movesOf`'s to say. */
function changesOf({ before, after }: InstanceFacts, { fields, foreign }: System) {
  // What it was installed without is not in JSON, and may have been declared since.
  const made =
    Object.keys(fields).length === 0 ? [] : erasingFields.map((key) => [key, fields[key]] as const);
  const known = Object.fromEntries(made);
  const installed = { ...before, ...known, ...(foreign ? { imageDigest: "unknown" } : {}) };
  return differences(Instance, { ...installed, node: after.node }, after);
}

/** Inputs by which the instance no longer belongs on its server. Unknown ones move nothing, nor an unknown server. */
export function movesOf(
  { after, unfit }: Pick<InstanceFacts, "after" | "unfit">,
  { node }: Pick<System, "node">,
): readonly string[] {
  if (node === "") return [];
  if (after.node !== undefined && after.node !== node && after.node !== UNKNOWN) return ["node"];
  const { candidates } = after;
  if (candidates !== undefined && unknownPaths(candidates).length === 0 && !candidates.includes(node)) {
    return ["candidates"];
  }
  return unfit === undefined ? [] : ["flavor"];
}

/** An unknown digest may turn out to be another one, an unknown server not to be its own. */
function later({ after }: InstanceFacts, { node }: System): { readonly mayErase?: true } {
  const { candidates = [] } = after;
  const mayMove =
    after.node === UNKNOWN || (unknownPaths(candidates).length > 0 && !candidates.includes(node));
  return mayMove || erasingFields.some((key) => unknownPaths(after[key as keyof InstanceSpec]).length > 0)
    ? { mayErase: true }
    : {};
}

const timed = ({ seconds, choice }: InstanceFacts) => ({
  ...(seconds === undefined ? {} : { seconds }),
  ...(choice ? { choice } : {}),
});

function erasureOf({ server, after }: InstanceFacts, { node, id, disk, size, holds }: System): Erasure {
  const { controller = "", serial = "", verified = "" } = server ?? {};
  const coming = erasingFields.map((key) => after[key as keyof InstanceSpec] ?? null);
  const exactly = JSON.stringify([
    node,
    serial,
    disk,
    id,
    coming,
    after.node ?? null,
    after.candidates ?? null,
  ]);
  const token = `erase-${createHash("sha256").update(exactly).digest("hex").slice(0, 12)}`;
  return { node, controller, serial, verified, disk, size, holds, token };
}
