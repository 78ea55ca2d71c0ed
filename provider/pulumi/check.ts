import { z } from "zod";
import type { ResourceDefinition } from "../resources/resource.ts";
import { shapeOf } from "../resources/shape.ts";
import {
  isObject,
  type Path,
  putUnknown,
  toProperty,
  unknownPaths,
  withoutAbsent,
} from "../resources/unknown.ts";
import type { Failure } from "../site/site.ts";
import { splitHidden } from "./hidden.ts";
import { toFailures, wording } from "./reasons.ts";

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
  const { value, issues } = parse(definition.inputs, given);
  const failures = [
    ...(issues.length > 0 ? toFailures(issues, shapeOf(definition.inputs), unknownAt) : []),
    ...(isObject(given) && given["name"] === undefined
      ? [{ property: "name", reason: "Required: a string" }]
      : []),
  ];
  const unknown = unknownAt.map(toProperty);
  if (failures.length > 0) return { failures: sorted(failures), unknown, dryRun };
  return { inputs: { ...restored(value, unknownAt), ...hidden }, failures, unknown, dryRun };
}

/** zod's own run, because `safeParse` gives no value beside issues: with unknowns some issues are no faults. */
function parse(
  schema: z.core.$ZodType,
  given: unknown,
): { value: unknown; issues: readonly z.core.$ZodIssue[] } {
  const context = { async: false, error: wording };
  const payload = schema._zod.run({ value: given, issues: [] }, context);
  if (payload instanceof Promise) throw new TypeError("schemas of resources are synchronous");
  const { value, issues } = payload;
  return { value, issues: issues.map((issue) => z.core.util.finalizeIssue(issue, context, z.config())) };
}

function restored(value: unknown, unknownAt: readonly Path[]): Properties {
  const inputs = withoutAbsent(putUnknown(value, unknownAt));
  return isObject(inputs) ? inputs : {};
}

const sorted = (failures: readonly Failure[]) =>
  [...failures].sort((a, b) => a.property.localeCompare(b.property) || a.reason.localeCompare(b.reason));
