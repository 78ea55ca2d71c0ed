import { createHmac } from "node:crypto";
import type { Context } from "../../kernel/context.ts";
import type { CollectionName } from "../../resources/resource.ts";
import type { Known, Plan, Ref, Spec } from "../site.ts";

/** Which run of Pulumi asks, of which stack. */
export interface Asker {
  readonly owner: string;
  readonly run: string;
  readonly dryRun: boolean;
}

/** A request for a plan, apart from the run that asked. */
export interface Asked {
  readonly collection: CollectionName;
  readonly ref: Ref;
  readonly spec: Spec;
  readonly known: Known;
}

/** A plan that a client may give out where it is asked for this very thing. */
export interface AheadPlan {
  readonly key: string;
  readonly digest: string;
  readonly plan: Plan;
}

/** What a stack is likely to ask for, answered at once: over a slow line that is one way there and back in the place of hundreds. */
export interface Ahead {
  /** The plans of all that this stack asked for last, as they are now. */
  readonly look: (ctx: Context, asker: Asker) => Promise<readonly AheadPlan[]>;
  /** These were given out, in this order: the run is to know of them as if it had asked. */
  readonly used: (ctx: Context, asker: Asker, keys: readonly string[]) => Promise<void>;
}

/** A name that a program declares twice, by mistake, is two requests. */
export const keyOf = ({ collection, ref, spec }: Pick<Asked, "collection" | "ref" | "spec">): string =>
  `${collection}/${ref.name} ${spec["__urn"] ?? ""}`;

/**
 * Two requests with the same digest get the same plan. It is keyed by the run, as a declaration holds passwords that could be
 * guessed from a digest that others know too.
 */
export function digestOf(run: string, { collection, ref, spec, known }: Asked): string {
  const { run: _, dryRun: _preview, folder: _here, ...rest } = known;
  return createHmac("sha256", run)
    .update(JSON.stringify(sorted({ collection, ref, spec, known: rest })))
    .digest("hex");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, inner]) => [key, sorted(inner)]);
}
