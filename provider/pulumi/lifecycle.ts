import type { Context } from "../kernel/context.ts";
import { MetalError } from "../kernel/errors.ts";
import { resources } from "../resources/index.ts";
import type { CollectionName } from "../resources/resource.ts";
import type { Failure, Ref, Site, State } from "../site/site.ts";
import { checkInputs, type Properties } from "./check.ts";
import { diffInputs } from "./diff.ts";
import { UNKNOWN } from "./unknown.ts";

/** What one run of a provider works with. Connecting is put off until a site is needed. */
export interface Session {
  readonly site: () => Promise<Site>;
  /** Identifies this provider process. */
  readonly run: string;
  /** The program's folder. */
  readonly folder: string;
}

/** Owner and name of a resource, from its inputs or its state. */
export const refOf = (properties: Properties): Ref => ({
  owner: String(properties["__owner"] ?? ""),
  name: String(properties["name"] ?? ""),
});

/**
 * Validate inputs and ask the site what stands in their way, at preview and again at update. What the site computes (a
 * digest) is returned as an input. With values that only the update will know, the site is not asked yet.
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
  if (unknown.length > 0) return { inputs: { ...inputs, ...later(definition.inputs.shape) }, failures };
  try {
    const site = await session.site();
    const { run, folder } = session;
    const known = { run, folder, dryRun, ...(Object.keys(olds).length > 0 ? { state: olds } : {}) };
    const plan = await site[collection].plan(ctx, refOf(inputs), inputs, known);
    for (const warning of plan.warnings) ctx.log.warn(warning);
    const lost = plan.lost ? { __lost: true } : {};
    return { inputs: { ...inputs, ...plan.computed, ...lost }, failures: plan.failures };
  } catch (error) {
    if (!(error instanceof MetalError)) throw error;
    return { inputs, failures: [{ property: "", reason: error.message }] };
  }
}

/** Computed inputs of which nothing can be said yet: what is passed on from another resource stays as it came. */
const later = (shape: object): Properties => ("digest" in shape ? { digest: UNKNOWN } : {});

export interface Diff {
  readonly changes: boolean;
  /** Inputs whose change puts another resource in the place of this one. */
  readonly replaces: readonly string[];
}

/** Compare what the state remembers with what is declared. Drift that a refresh found is a difference like any other. */
export function diffResource(collection: CollectionName, olds: Properties, news: Properties): Diff {
  const { changed, changes } = diffInputs(resources[collection], olds, news);
  const unfinished = ["deploying", "deploy failed", "wait call-back"].includes(
    String(olds["provisionState"]),
  );
  return {
    changes: changed.length > 0 || news["__lost"] === true || (collection === "instances" && unfinished),
    replaces: changed.filter((field) => changes[field] === "replace"),
  };
}

/** The inputs, in the program's shape, that a state stands for: what was observed goes before what was remembered. */
export function inputsOf(collection: CollectionName, state: State): Properties {
  const { shape } = resources[collection].inputs;
  const own = Object.entries(state).filter(([key]) => key in shape || key.startsWith("__"));
  return Object.fromEntries(own);
}
