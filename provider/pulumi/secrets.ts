import type { ResourceDefinition } from "../resources/resource.ts";
import { secretPaths } from "../resources/secrets.ts";
import type { Properties } from "./check.ts";
import { isObject, UNKNOWN } from "./unknown.ts";

/** How a secret value is marked on Pulumi's wire (@pulumi/pulumi, runtime/rpc). */
const signature = { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270" } as const;

/**
 * A copy of properties whose secret fields carry Pulumi's own mark. The engine marks what came in as a secret by itself;
 * this also covers what did not: an import, an older state, a program without our SDK.
 */
export function markSecrets(definition: ResourceDefinition, properties: Properties): Properties {
  const marked = secretPaths(definition).reduce<unknown>(
    (copy, path) => mark(copy, path.split(".")),
    properties,
  );
  return isObject(marked) ? marked : properties;
}

function mark(value: unknown, [key, ...rest]: readonly string[]): unknown {
  if (key === undefined) {
    const marked = isObject(value) || value === undefined || value === null || value === UNKNOWN;
    return marked ? value : { ...signature, value };
  }
  return isObject(value) && key in value ? { ...value, [key]: mark(value[key], rest) } : value;
}
