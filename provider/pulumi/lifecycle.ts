import type { Context } from "../kernel/context.ts";
import { MetalError } from "../kernel/errors.ts";
import { differences } from "../resources/compare.ts";
import { resources } from "../resources/index.ts";
import type { CollectionName } from "../resources/resource.ts";
import { UNKNOWN } from "../resources/unknown.ts";
import type { Failure, Plan, Ref, Site, State } from "../site/site.ts";
import { checkInputs, type Properties } from "./check.ts";

/** What one run of a provider works with. Connecting is put off until a site is needed. */
export interface Session {
  readonly site: () => Promise<Site>;
  /** Identifies this provider process. */
  readonly run: string;
  /** The program's folder. */
  readonly folder: string;
  /** The plan that `check` was told, for the `diff` that follows it. Keys: `instances/web-1`. */
  readonly plans: Map<string, Plan>;
}

/** Owner and name of a resource, from its inputs or its state. */
export const refOf = (properties: Properties): Ref => ({
  owner: String(properties["__owner"] ?? ""),
  name: String(properties["name"] ?? ""),
});

/**
 * Who asks, where Pulumi hands on nothing but a state: whoever copies a stack's state rewrites the names of its resources
 * for the new stack, `__urn` among them, and not what we call the owner.
 */
export function askerOf(state: Properties): Ref {
  const ref = refOf(state);
  const [, stack, project] = /^urn:pulumi:([^:]+)::([^:]+)::/.exec(String(state["__urn"] ?? "")) ?? [];
  const [organization] = ref.owner.split("/");
  return stack === undefined ? ref : { ...ref, owner: `${organization}/${project}/${stack}` };
}

const keyOf = (collection: CollectionName, properties: Properties) =>
  `${collection}/${refOf(properties).name}`;

/**
 * Validate inputs and ask the site what they would do and what stands in their way, at preview and again at update. What
 * the site computes (a digest) is returned as an input; where it depends on what only the update knows, it is unknown.
 */
export async function checkResource(
  ctx: Context,
  session: Session,
  collection: CollectionName,
  olds: Properties,
  news: Properties,
): Promise<{ inputs: Properties; failures: readonly Failure[] }> {
  const definition = resources[collection];
  const { inputs, failures, unknown, dryRun } = checkInputs(definition, news, olds);
  if (inputs === undefined) return { inputs: news, failures };
  const later = unknown.length > 0 && "digest" in definition.inputs.shape ? { digest: UNKNOWN } : {};
  if (unknown.includes("name")) return { inputs: { ...inputs, ...later }, failures };
  try {
    const site = await session.site();
    const { run, folder } = session;
    const known = {
      ...{ run, folder, dryRun, unknown, protect: inputs["__protected"] === true },
      ...(Object.keys(olds).length > 0 ? { state: withoutProvider(olds) } : {}),
    };
    const plan = await site[collection].plan(ctx, refOf(inputs), withoutProvider(inputs), known);
    session.plans.set(keyOf(collection, inputs), plan);
    for (const line of plan.says) ctx.log.info(line);
    for (const warning of plan.warnings) ctx.log.warn(warning);
    const lost = plan.lost ? { __lost: true } : {};
    return { inputs: { ...inputs, ...later, ...plan.computed, ...lost }, failures: plan.failures };
  } catch (error) {
    if (!(error instanceof MetalError)) throw error;
    return { inputs, failures: [{ property: "", reason: error.message }] };
  }
}

/** The code of the provider itself, which Pulumi hands to each resource: kilobytes that mean nothing to a site. */
const withoutProvider = ({ __provider: _, ...properties }: Properties): Properties => properties;

export interface Diff {
  readonly changes: boolean;
  /** Inputs whose change puts another resource in the place of this one. */
  readonly replaces: readonly string[];
}

/**
 * What the plan says, where a check has asked for one: what is announced is then what is done. A refresh asks without a
 * check: there the two are compared, and drift that it found is a difference like any other.
 */
export function diffResource(
  { plans }: Pick<Session, "plans">,
  collection: CollectionName,
  olds: Properties,
  news: Properties,
): Diff {
  const { changed, changes } = differences(resources[collection], olds, news);
  const unfinished = ["deploying", "deploy failed", "wait call-back"].includes(
    String(olds["provisionState"]),
  );
  // After `owner move` the state has to learn whose it is: on delete Pulumi shows us nothing else.
  const { __owner: before } = olds;
  const moved = before !== undefined && before !== news["__owner"];
  const again = moved || news["__lost"] === true || (collection === "instances" && unfinished);
  const plan = plans.get(keyOf(collection, news));
  if (plan === undefined) {
    const replaces = changed.filter((field) => changes[field] === "replace");
    return { changes: changed.length > 0 || again, replaces };
  }
  const acts = plan.effect !== "none" || plan.mayErase === true;
  return { changes: acts || changed.length > 0 || again, replaces: plan.replaces };
}

/** The inputs, in the program's shape, that a state stands for: what was observed goes before what was remembered. */
export function inputsOf(collection: CollectionName, state: State): Properties {
  const { shape } = resources[collection].inputs;
  const own = Object.entries(state).filter(([key]) => key in shape || key.startsWith("__"));
  return Object.fromEntries(own);
}
