/** What stands for a value that only the update will know; the wire's own marker (@pulumi/pulumi, runtime/rpc). */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export type Path = readonly PropertyKey[];
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Where in a value the unknowns are. */
export function unknownPaths(value: unknown, at: Path = []): readonly Path[] {
  if (value === UNKNOWN) return [at];
  if (Array.isArray(value)) return value.flatMap((item, index) => unknownPaths(item, [...at, index]));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => unknownPaths(inner, [...at, key]));
}

/** Whether `path` is at `root` or inside it. */
export const isWithin = (path: Path, root: Path): boolean =>
  root.length <= path.length && root.every((key, index) => key === path[index]);

/** A copy with the unknown put at each of these places, whatever stands there. */
export function putUnknown(value: unknown, paths: readonly Path[]): unknown {
  return paths.reduce<unknown>((copy, path) => put(copy, path), value);
}

function put(value: unknown, [key, ...rest]: Path): unknown {
  if (key === undefined) return UNKNOWN;
  if (Array.isArray(value)) return value.map((item, index) => (index === key ? put(item, rest) : item));
  return isObject(value) ? { ...value, [key]: put(value[String(key)], rest) } : value;
}

/** A copy without what a program left out: undefined and null, at any depth. Array elements stay where they are. */
export function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined && inner !== null)
      .map(([key, inner]) => [key, withoutAbsent(inner)]),
  );
}

/** `interfaces[0].mac`, as Pulumi writes a place in the properties; empty for the whole. */
export function toProperty(path: Path): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    const word = String(key);
    if (!/^[A-Za-z_]\w*$/.test(word)) return `${text}[${JSON.stringify(word)}]`;
    return text === "" ? word : `${text}.${word}`;
  }, "");
}
