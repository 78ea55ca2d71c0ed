import { z } from "zod";
import type { Change, Kind } from "./resource.ts";

/**
 * What a schema says of one value, as plain data. The SDK, schema.json, the reference pages, the diff and the hints in
 * failures all read this, and nobody else looks into zod.
 */
export interface Shape {
  readonly type: "string" | "integer" | "number" | "boolean" | "array" | "record" | "object" | "union";
  /** May be left out by a program. */
  readonly optional: boolean;
  readonly default?: unknown;
  /** Every value it can have, where they can be listed. */
  readonly values?: readonly (string | number | boolean)[];
  /** Of an array or a record. */
  readonly item?: Shape;
  /** Of an object. */
  readonly fields?: Readonly<Record<string, Shape>>;
  /** Of a union. */
  readonly options?: readonly Shape[];
  readonly discriminator?: string;
  /** Of the type: its name in every SDK, and what it is. */
  readonly id?: string;
  readonly about?: string;
  /** Of the place where it is used. */
  readonly description?: string;
  readonly change?: Change;
  readonly secret?: boolean;
  readonly computed?: boolean;
  readonly reference?: Kind;
  readonly unit?: "Size" | "Duration";
}

type Schema = z.core.$ZodType;
type Kernel = Omit<Shape, "optional">;

/** The shape of what a program writes into this schema (before transformations). */
export function shapeOf(schema: Schema): Shape {
  const inner = kernelOf(schema);
  const { id: _, ...meta } = z.globalRegistry.get(schema) ?? {};
  const optional = schema._zod.optin === "optional" || "default" in inner;
  return { ...inner, ...named(schema), ...pick(meta), optional };
}

const kept = ["description", "change", "secret", "computed", "reference", "unit"] as const;
const pick = (meta: z.core.GlobalMeta): Partial<Shape> =>
  Object.fromEntries(kept.filter((key) => meta[key] !== undefined).map((key) => [key, meta[key]]));

/** The registry does not hand an id down to what `.meta()` and `.refine()` make of a schema; the name stays all the same. */
function named(schema: Schema): Pick<Shape, "id" | "about"> {
  for (let at: Schema | undefined = schema; at; at = at._zod.parent) {
    const { id, description } = z.globalRegistry.get(at) ?? {};
    if (id !== undefined) return description === undefined ? { id } : { id, about: description };
  }
  return {};
}

function kernelOf(schema: Schema): Kernel {
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case "optional":
    case "readonly":
    case "nonoptional":
      return shapeOf(def.innerType);
    case "default":
    case "prefault":
      return { ...shapeOf(def.innerType), default: def.defaultValue };
    case "pipe":
      return shapeOf(def.in);
    case "literal":
      return ofValues(def.values.filter((value) => value !== null && value !== undefined));
    case "enum":
      return ofValues(Object.values(def.entries));
    case "array":
      return { type: "array", item: shapeOf(def.element) };
    case "record":
      return { type: "record", item: shapeOf(def.valueType) };
    case "object":
      return { type: "object", fields: fieldsOf(def.shape) };
    case "union":
      return unionOf(def);
    default:
      return { type: scalar(schema, def.type) };
  }
}

function fieldsOf(shape: Readonly<Record<string, Schema>>): Readonly<Record<string, Shape>> {
  return Object.fromEntries(Object.entries(shape).map(([key, field]) => [key, shapeOf(field)]));
}

function unionOf(def: z.core.$ZodUnionDef): Kernel {
  const options = def.options.map(shapeOf);
  const { discriminator } = def as Partial<z.core.$ZodDiscriminatedUnionDef>;
  return { type: "union", options, ...(discriminator === undefined ? {} : { discriminator }) };
}

function ofValues(values: readonly unknown[]): Kernel {
  const plain = values.map((value) => (typeof value === "bigint" ? Number(value) : value)) as readonly (
    | string
    | number
    | boolean
  )[];
  const type = typeof plain[0];
  if (type !== "string" && type !== "number" && type !== "boolean")
    throw new TypeError("a literal without values");
  return { type, values: plain };
}

function scalar(schema: Schema, type: string): Kernel["type"] {
  if (type === "custom" && z.globalRegistry.get(schema)?.unit) return "string";
  if (type === "string" || type === "boolean") return type;
  if (type === "number") return "format" in schema._zod.def ? "integer" : "number";
  throw new TypeError(`a field of type ${type} has no place in a resource: shape.ts does not know it`);
}
