import type { Change, ResourceDefinition } from "./resource.ts";
import { type Shape, shapeOf } from "./shape.ts";
import { isObject, UNKNOWN, unknownPaths } from "./unknown.ts";

type Properties = Readonly<Record<string, unknown>>;

export interface Difference {
  /** Top-level inputs that differ, in the schema's order. */
  readonly changed: readonly string[];
  /** What each of these changes does. */
  readonly changes: Readonly<Record<string, Change>>;
}

/**
 * Compare checked inputs with those that are remembered. Pure. Hidden inputs and outputs are not looked at, a default
 * equals an absent value, and an unknown reference or digest counts as unchanged: it never causes a replacement.
 */
export function differences(definition: ResourceDefinition, olds: Properties, news: Properties): Difference {
  // So it is with most resources of most updates, and to derive the shape takes longer than all the rest.
  if (Object.keys(definition.inputs.shape).every((key) => equal(olds[key], news[key]))) {
    return { changed: [], changes: {} };
  }
  const fields = shapeOf(definition.inputs).fields ?? {};
  const changed = Object.entries(fields)
    .filter(([key, shape]) => !isSame(shape, olds[key], news[key]))
    .map(([key]) => key);
  return {
    changed,
    changes: Object.fromEntries(changed.map((key) => [key, fields[key]?.change ?? "in-place"])),
  };
}

function isSame(shape: Shape, before: unknown, after: unknown): boolean {
  // A computed value that was not computed this time, or cannot be yet, says nothing.
  if (shape.computed === true && (after === undefined || after === UNKNOWN)) return true;
  const refers = shape.reference ?? shape.item?.reference;
  if (refers !== undefined && unknownPaths(after).length > 0) return mayBeSame(before, after);
  return equal(filled(shape, before), filled(shape, after));
}

/** Whether a list with unknown elements can turn out to be what it was. */
function mayBeSame(before: unknown, after: unknown): boolean {
  if (after === UNKNOWN) return true;
  if (!Array.isArray(before) || !Array.isArray(after) || before.length !== after.length) return false;
  return after.every((item, index) => item === UNKNOWN || item === before[index]);
}

/** A value with the defaults of its shape in the places that were left out, at any depth. */
function filled(shape: Shape | undefined, value: unknown): unknown {
  const given = value ?? shape?.default;
  if (!shape || given === undefined) return given;
  if (Array.isArray(given)) return given.map((item) => filled(shape.item, item));
  if (!isObject(given)) return given;
  const fields = fieldsFor(shape, given);
  const keys = new Set([...Object.keys(fields), ...Object.keys(given)]);
  return Object.fromEntries([...keys].map((key) => [key, filled(fields[key] ?? shape.item, given[key])]));
}

/** The fields of an object, or of that alternative which the value belongs to. */
function fieldsFor(shape: Shape, value: Properties): Readonly<Record<string, Shape>> {
  const { discriminator, options } = shape;
  if (!options) return shape.fields ?? {};
  const fits = (option: Shape) =>
    discriminator === undefined ||
    option.fields?.[discriminator]?.values?.includes(value[discriminator] as string);
  return options.find((option) => option.type === "object" && fits(option))?.fields ?? {};
}

/** Deep equality of plain JSON, where undefined and null are the same as absent. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b || (absent(a) && absent(b))) return true;
  if (Array.isArray(a) || Array.isArray(b))
    return (
      Array.isArray(a) &&
      Array.isArray(b) &&
      a.length === b.length &&
      a.every((item, index) => equal(item, b[index]))
    );
  if (!isObject(a) || !isObject(b)) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => equal(a[key], b[key]));
}

const absent = (value: unknown) => value === undefined || value === null;
