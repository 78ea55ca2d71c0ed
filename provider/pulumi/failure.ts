import { PartlyDone } from "../site/site.ts";
import type { Properties } from "./check.ts";

/**
 * A failure as Pulumi's dynamic provider hands it on: with `id` and `properties` the half-made resource stays in the
 * state, so that the next update goes on and a destroy can release it. `__provider` must be among the properties, or no
 * later call could find the code (facts: pulumi, 1.3).
 */
export function toPulumiError(error: unknown, inputs: Properties): unknown {
  if (!(error instanceof PartlyDone)) return withoutStack(error);
  const properties = { ...inputs, ...error.state, __provider: inputs["__provider"] };
  return Object.assign(withoutStack(error) as Error, {
    id: String(inputs["name"]),
    properties,
    reasons: [error.message],
  });
}

/** The stack of a foreseen failure tells a user nothing; Pulumi would print it. */
function withoutStack(error: unknown): unknown {
  if (error instanceof Error) Object.defineProperty(error, "stack", { value: error.message });
  return error;
}
