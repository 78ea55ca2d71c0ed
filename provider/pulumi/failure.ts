import { PartlyDone } from "../site/site.ts";
import type { Properties } from "./check.ts";

/**
 * A failure as Pulumi's dynamic provider hands it on: with `id` and `properties` the half-made resource stays in the
 * state, so that the next update goes on and a destroy can release it. `__provider` must be among the properties, or no
 * later call could find the code (facts: pulumi, 1.3).
 */
export function toPulumiError(error: unknown, inputs: Properties): unknown {
  if (!(error instanceof PartlyDone)) return readable(error, inputs["name"]);
  const properties = { ...inputs, ...error.state, __provider: inputs["__provider"] };
  return Object.assign(readable(error, inputs["name"]) as Error, {
    id: String(inputs["name"]),
    properties,
    reasons: [error.message],
  });
}

/** Pulumi prints a failed read or delete as `${error}: ${error.stack}`: so that it reads as name and message. */
function readable(error: unknown, name: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return Object.defineProperties(error, {
    stack: { value: error.message },
    toString: { value: () => String(name) },
  });
}
