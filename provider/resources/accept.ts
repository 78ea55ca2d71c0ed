import { z } from "zod";
import { type Failure, toFailures, wording } from "./reasons.ts";
import { type Shape, shapeOf } from "./shape.ts";
import { isObject, type Path, putUnknown, withoutAbsent } from "./unknown.ts";

/** What a schema makes of inputs. */
export interface Accepted {
  /** Canonical, with defaults; what is unknown stands where it stood. */
  readonly value: Readonly<Record<string, unknown>>;
  /** Every fault at once, each at its place, in the order of the places. */
  readonly failures: readonly Failure[];
}

/** Hold inputs to their schema. Faults that lie in what only the update will know, `unknown`, are none yet. */
export function accept(inputs: z.ZodType, given: unknown, unknown: readonly Path[] = []): Accepted {
  const { value, failures } = faultsOf(inputs, given, () => shapeOf(inputs), unknown);
  const restored = withoutAbsent(putUnknown(value, unknown));
  return { value: isObject(restored) ? restored : {}, failures };
}

/** Any schema's value, and its faults in our words. `shape`: what is known of its fields, for hints at a stray one. */
export function faultsOf(
  schema: z.ZodType,
  given: unknown,
  shape?: () => Shape,
  unknown: readonly Path[] = [],
): { readonly value: unknown; readonly failures: readonly Failure[] } {
  const { value, issues } = parse(schema, given);
  const failures = issues.length > 0 ? toFailures(issues, shape?.(), unknown) : [];
  return { value, failures: sorted(failures) };
}

/** zod's own run, because `safeParse` gives no value beside issues: with unknowns some issues are no faults. */
function parse(
  schema: z.core.$ZodType,
  given: unknown,
): { value: unknown; issues: readonly z.core.$ZodIssue[] } {
  const context = { async: false, error: wording };
  const payload = schema._zod.run({ value: given, issues: [] }, context);
  if (payload instanceof Promise) throw new TypeError("the schemas of inputs are synchronous");
  const { value, issues } = payload;
  return { value, issues: issues.map((issue) => z.core.util.finalizeIssue(issue, context, z.config())) };
}

export const sorted = (failures: readonly Failure[]): readonly Failure[] =>
  [...failures].sort((a, b) => a.property.localeCompare(b.property) || a.reason.localeCompare(b.reason));
