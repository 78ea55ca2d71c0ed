import { createHmac } from "node:crypto";
import type { CollectionName } from "../../resources/resource.ts";
import type { Known, Ref, Spec } from "../site.ts";

/** A request for a plan, apart from the run that asked. */
export interface Asked {
  readonly collection: CollectionName;
  readonly ref: Ref;
  readonly spec: Spec;
  readonly known: Known;
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
