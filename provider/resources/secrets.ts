import type { ResourceDefinition } from "./resource.ts";
import { type Shape, shapeOf } from "./shape.ts";

/** Paths of the secret fields of a resource's inputs, as the schema marks them: `["power.password"]`. */
export function secretPaths(definition: ResourceDefinition): readonly string[] {
  return [...new Set(walk(shapeOf(definition.inputs), []))].sort();
}

function walk({ secret, fields, item, options }: Shape, path: readonly string[]): readonly string[] {
  if (secret === true) return [path.join(".")];
  return [
    ...Object.entries(fields ?? {}).flatMap(([key, inner]) => walk(inner, [...path, key])),
    ...(item ? walk(item, path) : []),
    ...(options ?? []).flatMap((option) => walk(option, path)),
  ];
}

/** A copy of a spec with `change` applied to each secret string that is there. */
export function mapSecrets<T>(spec: T, paths: readonly string[], change: (secret: string) => string): T {
  return paths.reduce((copy, path) => at(copy, path.split("."), change), spec);
}

function at<T>(value: T, [key, ...rest]: readonly string[], change: (secret: string) => string): T {
  if (key === undefined) return (typeof value === "string" ? change(value) : value) as T;
  if (typeof value !== "object" || value === null || !(key in value)) return value;
  return { ...value, [key]: at((value as Record<string, unknown>)[key], rest, change) };
}
