import type { MetalError } from "../kernel/errors.ts";
import { showBytes } from "../kernel/units.ts";
import { planErrors } from "./errors.ts";
import type { InstanceSpec } from "./index.ts";
import { type Erasure, erasingFields, type InstanceFacts, type ResourcePlan } from "./plan.ts";

/**
 * Whether a plan may be carried out, decided in one place for preview and update. Pure: what is refused here was not begun.
 */
export function refusals(
  plan: ResourcePlan,
  facts: InstanceFacts,
  protect: boolean,
  ephemeral: number | undefined,
): readonly MetalError[] {
  const { after, name: instance, system } = facts;
  const what = whatOf(plan, after);
  const guards = [
    ...(what !== undefined && after.locked ? [planErrors.make("INSTANCE_LOCKED", { instance, what })] : []),
    ...(what !== undefined && protect ? [planErrors.make("INSTANCE_PROTECTED", { instance, what })] : []),
  ];
  const keeping =
    plan.effect === "reinstall" && after.preserveEphemeral
      ? lostEphemeral(system?.ephemeral ?? 0, ephemeral)
      : undefined;
  if (keeping !== undefined)
    guards.push(planErrors.make("INSTANCE_EPHEMERAL_LOST", { instance, why: keeping }));
  if (guards.length > 0) return guards;
  if (plan.erases === undefined || allows(plan, after)) return [];
  return [
    planErrors.make("INSTANCE_WOULD_ERASE", {
      instance,
      why: because(plan),
      what: plan.effect === "replace" ? "replaces" : "reinstalls",
      erases: describeErasure(plan.erases),
      token: plan.erases.token,
    }),
  ];
}

/** Of what `locked` and `protect` refuse, what this plan does. */
function whatOf({ effect, changed }: ResourcePlan, { power }: InstanceSpec): string | undefined {
  if (effect === "reinstall" || effect === "replace")
    return effect === "replace" ? "replace it" : "erase its disk";
  if (effect !== "power") return undefined;
  if (power === "off") return "switch it off";
  return changed.includes("rebootTrigger") ? "reboot it" : undefined;
}

function lostEphemeral(installed: number, wanted: number | undefined): string | undefined {
  if (installed === 0) return "the system that is installed has none";
  if (wanted === undefined || wanted === installed) return undefined;
  return `it has ${showBytes(installed)}, the flavor asks for ${showBytes(wanted)}`;
}

/** The names that a program uses for the fields that carry digests. */
const writtenAs: Readonly<Record<string, string>> = { imageDigest: "image", flavorDigest: "flavor" };
const written = (field: string): string => writtenAs[field] ?? field;

/** The fields for whose sake something is erased, as a program writes them. */
function causesOf({ changed, replaces }: ResourcePlan): readonly string[] {
  const erasing = erasingFields.filter((field) => changed.includes(field));
  return [...new Set([...replaces, ...erasing].map(written))];
}

const because = (plan: ResourcePlan): string => {
  const causes = causesOf(plan);
  return causes.length > 0
    ? `the change of ${causes.join(", ")}`
    : "a replacement that the program or the command asks for";
};

function allows(plan: ResourcePlan, { allowReinstall: allowed }: InstanceSpec): boolean {
  if (allowed === true) return true;
  if (typeof allowed === "string") return allowed === plan.erases?.token;
  if (!Array.isArray(allowed)) return false;
  const causes = causesOf(plan);
  return causes.length > 0 && causes.every((field) => (allowed as readonly string[]).includes(field));
}

/** What is lost, so that somebody who reads it in a hurry knows which server is meant. */
export function describeErasure({ node, controller, serial, verified, disk, size, holds }: Erasure): string {
  const identity = [
    `controller ${controller}`,
    serial === "" ? "serial unknown" : `serial ${serial}`,
    verified === "" ? "never verified" : `last verified ${verified.slice(0, 16).replace("T", " ")} UTC`,
  ].join(", ");
  const where =
    disk === ""
      ? "the disk, unknown until the ramdisk looks,"
      : `disk ${disk}${size > 0 ? ` (${showBytes(size)})` : ""}`;
  return `${where} of node ${node} (${identity}), which holds ${holds}`;
}

/** What a preview says of a plan on the resource's row; empty when nothing happens to a server. */
export function describePlan(plan: ResourcePlan): readonly string[] {
  const { effect, actions, erases, mayErase, seconds, choice } = plan;
  const long = seconds === undefined ? "" : `; it took about ${Math.max(1, Math.round(seconds))} s before`;
  const rejected = Object.entries(choice?.rejected ?? {}).map(([node, why]) => `${node}: ${why}`);
  return [
    ...(actions.length > 0 ? [`${headings[effect] ?? ""}${actions.join(", ")}${long}`] : []),
    ...(erases ? [`erases ${describeErasure(erases)}`] : []),
    ...(mayErase && !erases
      ? ["may erase: what its image, its layout or its server will be is known only at the update"]
      : []),
    ...(rejected.length > 0 && effect === "install" ? [`not chosen: ${rejected.join("; ")}`] : []),
  ];
}

const headings: Readonly<Record<string, string>> = {
  install: "installs: ",
  reinstall: "reinstalls: ",
  replace: "replaces: ",
  adopt: "adopts: ",
  restore: "boots the earlier system again: ",
};
