import { accept, sorted } from "../resources/accept.ts";
import type { ResourceDefinition } from "../resources/resource.ts";
import { isObject, toProperty, unknownPaths, withoutAbsent } from "../resources/unknown.ts";
import type { Failure } from "../site/site.ts";
import { splitHidden } from "./hidden.ts";

export type Properties = Readonly<Record<string, unknown>>;

export interface Checked {
  /** Canonical, with defaults, the unknowns and the hidden ones in their places; absent if anything is at fault. */
  readonly inputs?: Properties;
  /** Every fault at once, each at its place; faults of unknown values are left for the update. */
  readonly failures: readonly Failure[];
  /** Places whose values only the update will know: `power.address`. */
  readonly unknown: readonly string[];
  /** Whether the program runs for a preview only. */
  readonly dryRun: boolean;
}

/**
 * Validate what a program declares. The name is the input's, else the one it had, else the resource's logical name.
 * Pure: what the world has to say (a digest, a gate) is the site's plan.
 */
export function checkInputs(
  definition: ResourceDefinition,
  news: Properties,
  olds: Properties = {},
): Checked {
  const { visible, hidden, dryRun } = splitHidden(news);
  const given = withoutAbsent({ ...visible, name: visible["name"] ?? olds["name"] ?? hidden.__logicalName });
  const unknownAt = unknownPaths(given);
  const { value, failures: faults } = accept(definition.inputs, given, unknownAt);
  const failures = [
    ...faults,
    ...(isObject(given) && given["name"] === undefined
      ? [{ property: "name", reason: "Required: a string" }]
      : []),
  ];
  const unknown = unknownAt.map(toProperty);
  if (failures.length > 0) return { failures: sorted(failures), unknown, dryRun };
  return { inputs: { ...value, ...hidden }, failures, unknown, dryRun };
}
