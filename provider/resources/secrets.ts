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

/** Told of each secret string, and where it stands. */
type ChangeSecret = (secret: string, path: readonly string[]) => string;

/** A copy of a spec with `change` applied to each secret string that is there; of a record, to each of its values. */
export function mapSecrets<T>(spec: T, paths: readonly string[], change: ChangeSecret): T {
  return paths.reduce((copy, path) => at(copy, path.split("."), change, []), spec);
}

function at<T>(
  value: T,
  [key, ...rest]: readonly string[],
  change: ChangeSecret,
  path: readonly string[],
): T {
  if (key === undefined) return all(value, change, path) as T;
  if (typeof value !== "object" || value === null || !(key in value)) return value;
  return { ...value, [key]: at((value as Record<string, unknown>)[key], rest, change, [...path, key]) };
}

function all(value: unknown, change: ChangeSecret, path: readonly string[]): unknown {
  if (typeof value === "string") return change(value, path);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, all(inner, change, [...path, key])]),
  );
}
