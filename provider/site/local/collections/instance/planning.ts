import { createHash } from "node:crypto";
import type { Context } from "../../../../kernel/context.ts";
import { type MetalError, refused } from "../../../../kernel/errors.ts";
import { planErrors } from "../../../../resources/errors.ts";
import { describeErasure, describePlan, refusals } from "../../../../resources/gate.ts";
import { type InstanceSpec, type NodeSpec, resources } from "../../../../resources/index.ts";
import { type InstanceFacts, planInstance as planOf, type ResourcePlan } from "../../../../resources/plan.ts";
import { shapeOf } from "../../../../resources/shape.ts";
import { UNKNOWN } from "../../../../resources/unknown.ts";
import { siteErrors } from "../../../errors.ts";
import type { Failure, Plan, Ref } from "../../../site.ts";
import { type Found, toFailure } from "../../collection.ts";
import type { Parts } from "../../parts.ts";
import { countErase, newsOf, type Run } from "../../runs.ts";
import { cardsToBe } from "../macs.ts";
import { otherArch } from "./architecture.ts";
import { reasonsOf, refuseMaintenance, refuseRescued } from "./claim.ts";
import { declared, unconfigurable } from "./configuration.ts";
import { factsOf } from "./facts.ts";
import { firmwareWords } from "./firmware.ts";
import { hostProblems } from "./host.ts";
import { mediumOnly } from "./medium.ts";
import { adoptsOthers } from "./unclean.ts";
import { cannotPhone } from "./waiting.ts";
import { limitOf, warningsOf } from "./warnings.ts";

/** A plan, and what speaks against it. */
export interface Planned {
  readonly plan: ResourcePlan;
  readonly facts: InstanceFacts;
  readonly against: readonly MetalError[];
}

/** Compute the plan from what is known now, and hold it against the gate. Preview and update do the same. */
export async function weigh(
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  found: Found,
  how: { readonly run: Run; readonly replacing: boolean },
): Promise<Planned> {
  const { ephemeral, ...facts } = await factsOf(parts, ref, spec, found, how);
  const plan = planOf(facts);
  const blocked = [
    ...(await inTheWay(parts, ref, plan, facts, found)),
    ...(await otherImage(parts, plan, facts, how.run)),
    // Where the scheduler was asked and took none, it has said so.
    ...(facts.choice?.chosen === undefined && facts.choice
      ? []
      : await otherArch({ ...parts, run: how.run }, ref.name, spec, placeOf(plan, facts)?.node)),
    ...(await mediumOnly({ ...parts, run: how.run }, ref.name, spec, placeOf(plan, facts)?.node)),
    ...(await unconfigurable({ ...parts, run: how.run }, ref.name, spec, placeOf(plan, facts))),
    ...(await cannotPhone(parts.store, ref.name, spec, plan.effect)),
  ];
  // Nobody is asked for a permission that would not help.
  const vain = blocked.some(({ code }) => code === "INSTANCE_LOST_RECORD" || code === "INSTANCE_EXISTS");
  const asked = vain ? [] : refusals(plan, facts, found.known.protect === true, ephemeral);
  return { plan, facts, against: [...blocked, ...asked] };
}

/** The server that the plan writes, where it is known; undefined where it writes none. */
function placeOf({ effect, choice }: ResourcePlan, { system, underWay, after }: InstanceFacts) {
  if (effect === "reinstall") return { node: system?.node };
  if (effect === "install") return { node: underWay ?? choice?.chosen ?? after.node };
  return effect === "replace" ? { node: choice?.chosen } : undefined;
}

/** What no gate opens. */
async function inTheWay(
  { store }: Parts,
  { name: instance, owner }: Ref,
  plan: ResourcePlan,
  { system, choice, after, lost, replacing, underWay }: InstanceFacts,
  { known }: Found,
): Promise<readonly MetalError[]> {
  const { effect, replaces } = plan;
  const rescued = await refused(refuseRescued(store, instance));
  if (rescued.length > 0) return effect === "none" ? [] : rescued;
  const node = system?.node || "its server";
  if (lost && effect !== "enrol") return [siteErrors.make("INSTANCE_LOST_RECORD", { instance, node })];
  // A create cannot move what is there: Pulumi would have to delete it first.
  if (effect === "replace" && known.state === undefined && !replacing) {
    return [planErrors.make("INSTANCE_EXISTS", { instance, node, why: `its ${replaces.join(", ")}` })];
  }
  if (effect === "adopt" && system === undefined && after.node === undefined) {
    return [planErrors.make("INSTANCE_ADOPT_WHICH", { instance })];
  }
  if (effect === "adopt") return adoptsOthers(store, { name: instance, owner }, system?.node ?? after.node);
  // Before a replacement too: Pulumi deletes first, and must not find out then that there is no other place.
  const places = effect === "replace" || (effect === "install" && underWay === undefined);
  if (places && choice && choice.chosen === undefined) {
    return [siteErrors.make("INSTANCE_NO_NODE", { instance, reasons: reasonsOf(choice) })];
  }
  if (!["power", "restore", "reinstall", "replace"].includes(effect)) return [];
  // Leaving such a server is the way out.
  const abandoned = (await store.get("nodes", node))?.spec["abandon"] === true && effect !== "replace";
  const reasons = `${node}: its controller was given up (\`abandon\`)`;
  if (abandoned) return [siteErrors.make("INSTANCE_NO_NODE", { instance, reasons })];
  return refused(refuseMaintenance(store, node));
}

/** `ignoreChanges` keeps the digest of what is installed; but what can be written is the image as it is. */
async function otherImage(
  { store }: Parts,
  { effect, changed }: ResourcePlan,
  { name: instance, after: { image, imageDigest } }: InstanceFacts,
  { declared }: Run,
): Promise<readonly MetalError[]> {
  if ((effect !== "reinstall" && effect !== "replace") || changed.includes("imageDigest")) return [];
  const { digest } = declared.get(`images/${image}`) ?? (await store.get("images", image))?.spec ?? {};
  const known = [digest, imageDigest].every((one) => typeof one === "string" && one !== UNKNOWN);
  return known && digest !== imageDigest
    ? [planErrors.make("INSTANCE_IMAGE_IGNORED", { instance, image })]
    : [];
}

/** What a check answers: the plan, what stands in its way, and what a preview says of it. */
export async function planInstance(
  ctx: Context,
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  found: Found,
): Promise<Partial<Plan>> {
  const { known } = found;
  const run = parts.runs.of(known.run);
  const replacing = known.state === undefined && run.checked.has(ref.name);
  if (known.state !== undefined) run.checked.add(ref.name);
  const { plan, facts, against } = await weigh(parts, ref, spec, found, { run, replacing });
  // What is refused anyway is not counted.
  const problems =
    against.length > 0 ? [...against] : [...(await limits(parts, ref, spec, plan, found, run))];
  const writes = ["install", "reinstall", "replace", "restore"].includes(plan.effect);
  // Empty while that is open.
  const where = (writes ? (facts.choice?.chosen ?? facts.server?.node ?? spec.node) : undefined) ?? "";
  const place = await declared<NodeSpec>({ ...parts, run }, "nodes", where);
  if (writes) {
    const cards = await cardsToBe(parts.store, run, where, spec);
    problems.push(...drained(parts, ref), ...(await hostProblems(ctx, parts, spec, { node: place, cards })));
  }
  const open = problems.length === 0;
  if (open) run.planned.set(ref.name, plan.erases?.token);
  const unknown = known.unknown ?? [];
  if (known.dryRun && unknown.length === 0) await announce(parts, ref, spec, plan);
  return {
    ...plan,
    failures: problems.map((problem) => toFailure(problem, propertyOf[problem.code] ?? "")),
    warnings: open
      ? newsOf(run, ref.name, [
          ...(await warningsOf(parts, ref, { plan, facts, run, place: placeOf(plan, facts) })),
          ...(await firmwareWords({ ...parts, run }, spec, place)),
        ])
      : [],
    says:
      open && known.dryRun
        ? newsOf(run, ref.name, [...takenBack(plan, facts, found), ...describePlan(plan)])
        : [],
  };
}

/** A create that changes nothing: Pulumi's row shows one all the same, and a replacement that it tells nobody of looks so too. */
function takenBack({ effect }: ResourcePlan, { system }: InstanceFacts, { known }: Found): readonly string[] {
  if (known.state !== undefined || system === undefined || !["none", "in-place"].includes(effect)) return [];
  return [
    `is installed on ${system.node} already: a create takes it back as it stands, a replacement (\`--replace\`) has to be allowed by \`allowReinstall\``,
  ];
}

/** A helper that is drained begins with none; to what is under way who asks again attaches. */
function drained({ jobs, turns }: Parts, { name }: Ref): readonly MetalError[] {
  const begins = turns.held() && !jobs.running().includes(`instances/${name}`);
  return begins ? [siteErrors.make("SITE_DRAINING", { name })] : [];
}

/** What stands between two previews, and between the servers of one run. */
async function limits(
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  plan: ResourcePlan,
  { known }: Found,
  run: Run,
): Promise<readonly MetalError[]> {
  const { erases } = plan;
  if (!erases) return [];
  const counted = refused((async () => void countErase(run, ref.name, await limitOf(parts)))());
  const before = known.dryRun ? undefined : await parts.store.announced(ref);
  // Other inputs are another plan, which nobody was shown: then `allowReinstall` alone decides.
  if (before === undefined || before.inputs !== inputsOf(spec) || before.token === erases.token)
    return counted;
  const announced = before.token === "" ? `"${before.effect}" and no erasure` : "another erasure";
  const changed = { instance: ref.name, announced, erases: describeErasure(erases) };
  return [planErrors.make("PLAN_CHANGED", changed), ...(await counted)];
}

const announce = ({ store }: Parts, ref: Ref, spec: InstanceSpec, { effect, erases }: ResourcePlan) =>
  store.announce(ref, { inputs: inputsOf(spec), effect, token: erases?.token ?? "" });

/** A digest of what the program wrote, without what we compute from the world: that is what may have changed. */
function inputsOf(spec: InstanceSpec): string {
  const fields = shapeOf(resources.instances.inputs).fields ?? {};
  const written = Object.entries(spec).filter(([key]) => fields[key]?.computed !== true);
  const sorted = written.sort(([a], [b]) => a.localeCompare(b));
  return createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
}

const propertyOf: Readonly<Record<string, string>> = {
  INSTANCE_NO_NODE: "flavor",
  INSTANCE_WOULD_ERASE: "allowReinstall",
  INSTANCE_LOCKED: "locked",
  INSTANCE_EPHEMERAL_LOST: "preserveEphemeral",
  INSTANCE_ADOPT_WHICH: "node",
  INSTANCE_ADOPT_UNCLEAN: "node",
  INSTANCE_OTHER_ARCH: "image",
  BOOT_MEDIA_LOCAL_ONLY: "image",
  INSTANCE_NETWORK_CARD: "networks",
  NETWORK_CARDS_APART: "interfaces",
  INSTANCE_VOLUME_NO_ROOM: "flavor",
  INSTANCE_FILES_WHOLE_DISK: "configureBy",
  DEPLOY_CANNOT_PHONE_HOME: "waitFor",
};

/**
 * The plan that counts: computed again by the job that acts. It does nothing that the gate does not open, nothing that
 * was not announced in this run, and erases no more than the run may.
 */
export async function planUnderLock(
  parts: Parts,
  ref: Ref,
  spec: InstanceSpec,
  found: Found,
): Promise<ResourcePlan> {
  const run = parts.runs.of(found.known.run);
  const { plan, against } = await weigh(parts, ref, spec, found, { run, replacing: false });
  const [first] = against;
  if (first) throw first;
  const { erases } = plan;
  if (!erases) return plan;
  if (run.planned.has(ref.name) && run.planned.get(ref.name) !== erases.token) {
    const said = { announced: "something else", erases: describeErasure(erases) };
    throw planErrors.make("PLAN_CHANGED", { instance: ref.name, ...said });
  }
  countErase(run, ref.name, await limitOf(parts));
  return plan;
}

/** Where a failure that `plan` throws is shown. */
export const failureProperty = ({ code }: MetalError): Failure["property"] =>
  code === "INTERFACE_OFF_NETWORK" ? "interfaces" : (propertyOf[code] ?? "");
