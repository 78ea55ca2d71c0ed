import { rejection } from "../../../../resources/hints.ts";
import type { NodeSpec } from "../../../../resources/index.ts";
import type { InstanceFacts, ResourcePlan } from "../../../../resources/plan.ts";
import { hintsFor } from "../../../../resources/root-device.ts";
import { unknownPaths } from "../../../../resources/unknown.ts";
import type { Ref } from "../../../site.ts";
import type { Parts } from "../../parts.ts";
import { eraseLimit, type Run } from "../../runs.ts";
import type { NodeState } from "../node-state.ts";
import { neverCleaned } from "./unclean.ts";

/** How many systems a run may erase here. */
export const limitOf = async ({ store, settings }: Parts) =>
  eraseLimit(settings, (await store.all("instances")).length);

interface Foreseen {
  readonly plan: ResourcePlan;
  readonly facts: InstanceFacts;
  readonly run: Run;
  /** The server that is written, where it is known; undefined: none is. */
  readonly place: { readonly node: string | undefined } | undefined;
}

/** What is worth knowing before agreeing to a plan that nothing speaks against. */
export async function warningsOf(parts: Parts, { name }: Ref, how: Foreseen): Promise<readonly string[]> {
  const { plan, facts, run } = how;
  const { erases, effect } = plan;
  const { system, underWay, after, choice } = facts;
  const last = (await parts.store.get("instances", name))?.state["lastError"];
  const tried = (underWay !== undefined || system?.whole === false || effect === "install") && last;
  const tally = erases && [...run.erasing].indexOf(name) + 1;
  return [
    ...(tally ? [`erases an installed system: ${tally} of at most ${await limitOf(parts)} in this run`] : []),
    ...(after.allowReinstall === true
      ? [
          "`allowReinstall: true` stays: every later change that needs it erases this server without a question",
        ]
      : []),
    ...(await neverCleaned(parts.store, after, choice?.chosen ?? system?.node, run)),
    ...(tried ? [`the last attempt failed: ${last}`] : []),
    ...(await diskWarnings(parts, how)),
  ];
}

/** What the hints mean on the server where it is written, by what its ramdisk told last. Its disks may be others by now. */
async function diskWarnings({ store }: Parts, { facts, run, place }: Foreseen): Promise<readonly string[]> {
  if (place?.node === undefined) return [];
  const record = await store.get("nodes", place.node);
  const { disks = [] } = (record?.state ?? {}) as Partial<NodeState>;
  const node = (run.declared.get(`nodes/${place.node}`) ?? record?.spec) as NodeSpec | undefined;
  if (disks.length === 0 || node === undefined) return [];
  const hints = hintsFor(facts.after, node);
  if (unknownPaths(hints).length > 0) return [];
  const against = disks.map((disk) => [disk.byId || disk.name, rejection(hints, disk)] as const);
  const meeting = against.filter(([, reason]) => reason === "").map(([disk]) => disk);
  if (meeting.length === 1) return [];
  const seen =
    meeting.length > 1
      ? `${meeting.length} of its disks could be meant: ${meeting.join(", ")}`
      : `none of its disks is meant: ${against.map(([disk, reason]) => `${disk}: ${reason}`).join("; ")}`;
  return [`when the ramdisk of ${place.node} told its disks last, the hints did not name one; ${seen}`];
}
