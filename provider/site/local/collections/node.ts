import type { ControllerIdentity, PowerState } from "../../../drivers/power/driver.ts";
import type { Context } from "../../../kernel/context.ts";
import { MetalError } from "../../../kernel/errors.ts";
import type { NodeSpec } from "../../../resources/index.ts";
import { after, type ProvisionState } from "../../../resources/states.ts";
import { siteErrors } from "../../errors.ts";
import type { Collection, State } from "../../site.ts";
import { collectionOf, type Found } from "../collection.ts";
import type { Parts } from "../parts.ts";

/** Servers: enrolled when their controller answers as the one that is meant. Enrolling switches nothing. */
export function nodes(parts: Parts): Collection {
  const { store, powerOf, controllerOf } = parts;
  return collectionOf<NodeSpec>("nodes", store, {
    property: ({ code }) => (code === "NODE_SAME_CONTROLLER" ? "power.address" : ""),
    async plan(_, ref, spec, { record }) {
      await soleUser(parts, ref.name, spec);
      const actions = record ? [] : [`enrol ${ref.name} (controller ${controllerOf(spec.power)})`];
      return { actions };
    },
    async ensure(ctx, ref, spec, found) {
      await soleUser(parts, ref.name, spec);
      const before = found.record?.state as NodeState | undefined;
      if (found.record?.spec["resetTrigger"] !== spec.resetTrigger) await parts.forgiveLogin(spec.power);
      const seen = spec.maintenance && before ? before : await meet(ctx, parts, spec, before);
      const holder = (await store.claims()).get(ref.name) ?? "";
      return { ...seen, ...standing(spec, seen, before, found), assignedInstance: holder };
    },
    async observe(ctx, { spec, state }) {
      const power = powerOf((spec as NodeSpec).power);
      const powerState = await power.state(ctx);
      const reachable = powerState !== "unknown";
      if (!reachable)
        ctx.log.warn("the controller does not answer; the last known state is kept", {
          node: String(spec["name"]),
        });
      return { powerState, reachable, lastError: (state as NodeState).lastError };
    },
    async remove(_, { ref }) {
      const holder = (await store.claims()).get(ref.name);
      if (holder) throw siteErrors.make("NODE_IN_USE", { node: ref.name, instance: holder });
    },
  });
}

interface NodeState extends State {
  readonly provisionState: ProvisionState;
  readonly powerState: PowerState;
  readonly reachable: boolean;
  readonly controller: ControllerIdentity;
  readonly serial: string;
  readonly lastError: string;
}

/** One controller, one node: two would be switched together. */
async function soleUser({ store, controllerOf }: Parts, name: string, spec: NodeSpec): Promise<void> {
  const controller = controllerOf(spec.power);
  for (const { ref, spec: other } of await store.all("nodes")) {
    if (ref.name !== name && controllerOf((other as NodeSpec).power) === controller) {
      throw siteErrors.make("NODE_SAME_CONTROLLER", { other: ref.name, controller });
    }
  }
}

/** Ask the controller for state and identity, and compare: with the program, and with what was enrolled. */
async function meet(ctx: Context, { powerOf }: Parts, spec: NodeSpec, before: NodeState | undefined) {
  ctx.report({ stage: "trying the controller" });
  const { state, identity } = await powerOf(spec.power, expectedOf(spec, before)).probe(ctx);
  const { guid, manufacturer, model, serial } = identity;
  const controller = Object.fromEntries(
    Object.entries({ guid, manufacturer, model, serial }).filter(([, value]) => value !== undefined),
  );
  return { powerState: state, reachable: true, controller, serial: serial ?? before?.serial ?? "" };
}

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
  const offered = provisionState === "manageable" && (spec.provide || powerState === "off");
  return { provisionState: offered ? "available" : provisionState, lastError };
}

/** Whether a failure belongs to the server or its controller: only those set a node aside. */
export const setsAside = (error: unknown): boolean =>
  error instanceof MetalError && ["node", "controller"].includes(error.record.fault);
