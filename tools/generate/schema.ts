import { resources } from "../../provider/resources/index.ts";
import type { ResourceDefinition } from "../../provider/resources/resource.ts";
import { type Shape, shapeOf } from "../../provider/resources/shape.ts";
import { namedTypes, typeName } from "./words.ts";

type Json = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, Shape>>;

/** What of package.json the schema repeats. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
}

/** The Pulumi package schema: what SDKs of other languages and the registry are made from. */
export function packageSchema({ version, description, license }: Package): Json {
  const definitions = Object.values(resources);
  const shapes = definitions.flatMap(({ inputs, outputs }) => [shapeOf(inputs), shapeOf(outputs)]);
  const types = [...namedTypes(shapes)].map(([name, shape]) => [token(name), objectType(shape)]);
  return {
    name: "baremetal",
    displayName: "Bare Metal",
    version,
    description,
    keywords: ["pulumi", "baremetal", "ipmi", "pxe", "category/infrastructure", "kind/native"],
    license,
    language: { nodejs: { respectSchemaVersion: true }, python: { respectSchemaVersion: true } },
    types: Object.fromEntries(types),
    resources: Object.fromEntries(
      definitions.map((definition) => [token(definition.kind), resource(definition)]),
    ),
  };
}

const token = (name: string) => `baremetal:index:${name}`;

function resource({ inputs, outputs }: ResourceDefinition): Json {
  const given = shapeOf(inputs);
  const all = given.fields ?? {};
  const written = where(all, ({ computed }) => computed !== true);
  const read = { ...all, ...shapeOf(outputs).fields };
  return {
    description: given.about ?? "",
    inputProperties: properties(written, true),
    requiredInputs: required(written),
    properties: properties(read, false),
    required: Object.keys(where(read, (shape, key) => isAlwaysSet(shape, key))),
  };
}

/** The state repeats an input that was given, has a default or was computed; the name is always resolved. */
export const isAlwaysSet = (shape: Shape, key: string): boolean =>
  key === "name" || shape.computed === true || shape.default !== undefined || !shape.optional;

const where = (fields: Fields, keep: (shape: Shape, key: string) => boolean): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([key, shape]) => keep(shape, key)));

const required = (fields: Fields) => Object.keys(where(fields, ({ optional }) => !optional));

const properties = (fields: Fields, asInput: boolean): Json =>
  Object.fromEntries(Object.entries(fields).map(([key, shape]) => [key, property(shape, asInput)]));

const objectType = (shape: Shape): Json => ({
  type: "object",
  description: shape.about ?? "",
  properties: properties(shape.fields ?? {}, true),
  required: required(shape.fields ?? {}),
});

function property(shape: Shape, asInput: boolean): Json {
  const scalar = typeof shape.default !== "object" && shape.default !== undefined;
  const [only, ...others] = shape.values ?? [];
  return {
    ...typeSpec(shape),
    description: withValues(shape),
    ...(only !== undefined && others.length === 0 ? { const: only } : {}),
    ...(asInput && scalar && shape.type !== "union" ? { default: shape.default } : {}),
    ...(shape.secret === true ? { secret: true } : {}),
    ...(asInput && shape.change === "replace" ? { willReplaceOnChanges: true } : {}),
  };
}

function withValues({ description = "", values = [], unit }: Shape): string {
  if (unit !== undefined)
    return `${description} A number and a unit, as in "${unit === "Size" ? "64 GiB" : "90 seconds"}".`;
  if (values.length < 2) return description;
  return `${description} One of ${values.map((value) => `\`${value}\``).join(", ")}.`;
}

function typeSpec(shape: Shape): Json {
  switch (shape.type) {
    case "array":
      return { type: "array", items: typeSpec(inner(shape)) };
    case "record":
      return { type: "object", additionalProperties: typeSpec(inner(shape)) };
    case "object":
      return { $ref: `#/types/${token(typeName(shape))}` };
    case "union":
      return unionSpec(shape);
    default:
      return { type: shape.type };
  }
}

function unionSpec({ options = [], discriminator }: Shape): Json {
  const specs = options.map(typeSpec);
  const [only, ...others] = specs;
  if (only && others.length === 0) return only;
  if (discriminator === undefined) return { oneOf: specs };
  const mapping = options.map((option) => [
    String(option.fields?.[discriminator]?.values?.[0]),
    `#/types/${token(typeName(option))}`,
  ]);
  return {
    oneOf: specs,
    discriminator: { propertyName: discriminator, mapping: Object.fromEntries(mapping) },
  };
}

function inner({ item, type }: Shape): Shape {
  if (!item) throw new TypeError(`${type} without items`);
  return item;
}
