import { describe, expect, it } from "vitest";
import { resources } from "../../provider/resources/index.ts";
import { shapeOf } from "../../provider/resources/shape.ts";
import { allErrors } from "../../tools/generate/errors.ts";
import { generatedFiles, root, staleFiles } from "../../tools/generate/files.ts";
import { packageSchema } from "../../tools/generate/schema.ts";
import { docComment, describe as inWords } from "../../tools/generate/words.ts";

interface Property {
  readonly type?: string;
  readonly $ref?: string;
  readonly items?: Property;
  readonly additionalProperties?: Property;
  readonly oneOf?: readonly Property[];
  readonly default?: unknown;
  readonly const?: unknown;
  readonly description?: string;
  readonly secret?: boolean;
  readonly willReplaceOnChanges?: boolean;
}
interface ObjectType {
  readonly properties: Readonly<Record<string, Property>>;
  readonly required: readonly string[];
}
interface ResourceType extends ObjectType {
  readonly inputProperties: Readonly<Record<string, Property>>;
  readonly requiredInputs: readonly string[];
}
interface Schema {
  readonly types: Readonly<Record<string, ObjectType>>;
  readonly resources: Readonly<Record<string, ResourceType>>;
}

const schema = packageSchema({
  name: "pulumi-baremetal",
  version: "0.1.0",
  description: "d",
  license: "l",
}) as unknown as Schema;
const token = /^baremetal:index:[A-Z][a-zA-Z0-9]*$/;
const objects = [
  ...Object.entries(schema.types),
  ...Object.entries(schema.resources),
  ...Object.entries(schema.resources).map(
    ([name, { inputProperties, requiredInputs }]) =>
      [`${name} inputs`, { properties: inputProperties, required: requiredInputs }] as const,
  ),
];

/** Every type specification inside a property. */
const specs = (property: Property): readonly Property[] => [
  property,
  ...[property.items, property.additionalProperties, ...(property.oneOf ?? [])].flatMap((inner) =>
    inner ? specs(inner) : [],
  ),
];

describe("what is generated", () => {
  it("is what lies in the repository", async () => {
    expect(await staleFiles(await generatedFiles()), "run `npm run generate`").toEqual([]);
  }, 60_000);

  it("names a stale file", async () => {
    expect(
      await staleFiles(
        new Map([
          ["README.md", "something else"],
          ["no/such.file", ""],
        ]),
      ),
    ).toEqual(["README.md", "no/such.file"]);
  });
});

// The binder's rules: pkg/codegen/schema/bind.go of Pulumi, and the notes on what SDKs need.
describe("schema.json", () => {
  it("has the five resources under well-formed tokens that collide with no type", () => {
    expect(Object.keys(schema.resources)).toEqual(
      ["Node", "Interface", "Flavor", "Image", "Instance"].map((kind) => `baremetal:index:${kind}`),
    );
    const names = [...Object.keys(schema.resources), ...Object.keys(schema.types)];
    for (const name of names) expect(name).toMatch(token);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
  });

  it.for(objects)(
    "%s requires only what it has, and uses no reserved name",
    ([, { properties, required }]) => {
      for (const name of required) expect(properties).toHaveProperty(name);
      for (const reserved of ["urn", "id", "pulumi"]) expect(properties).not.toHaveProperty(reserved);
    },
  );

  it.for(objects)("%s has only sound properties, each described", ([, { properties }]) => {
    for (const property of Object.values(properties)) {
      expect(property.description).toMatch(/\S/);
      if (property.default !== undefined)
        expect(property.type).toBe(Number.isInteger(property.default) ? "integer" : typeof property.default);
      for (const spec of specs(property)) {
        if (spec.type === "array") expect(spec.items).toBeDefined();
        if (spec.$ref) expect(schema.types).toHaveProperty([spec.$ref.replace("#/types/", "")]);
        expect([spec.type, spec.$ref, spec.oneOf].some((kind) => kind !== undefined)).toBe(true);
      }
    }
  });

  it.for(Object.values(resources))("agrees with the schema of $kind", ({ kind, inputs, outputs }) => {
    const made = schema.resources[`baremetal:index:${kind}`];
    const fields = shapeOf(inputs).fields ?? {};
    const written = Object.entries(fields).filter(([, { computed }]) => computed !== true);
    expect(Object.keys(made?.inputProperties ?? {})).toEqual(written.map(([key]) => key));
    expect(made?.requiredInputs).toEqual(written.filter(([, { optional }]) => !optional).map(([key]) => key));
    const all = [...Object.keys(fields), ...Object.keys(outputs.shape)];
    expect(Object.keys(made?.properties ?? {})).toEqual(all);
    expect(new Set(all).size, "an output shares its name with an input").toBe(all.length);
    for (const [key, { change }] of written)
      expect(made?.inputProperties[key]?.willReplaceOnChanges === true).toBe(change === "replace");
  });

  it("marks the secrets of a controller", () => {
    const { password, kg, user } = schema.types["baremetal:index:Ipmi"]?.properties ?? {};
    expect([password?.secret, kg?.secret, user?.secret]).toEqual([true, true, undefined]);
  });

  it("takes digests from no program, and always has them to read", () => {
    const image = schema.resources["baremetal:index:Image"];
    expect(image?.inputProperties).not.toHaveProperty("digest");
    expect(image?.required).toContain("digest");
  });
});

describe("every field", () => {
  it.for(Object.values(resources))(
    "of $kind is described and says what its change does",
    ({ inputs, outputs }) => {
      for (const [key, { description, change }] of Object.entries(shapeOf(inputs).fields ?? {})) {
        expect(description, key).toMatch(/[.!`]$/);
        expect(change, key).toBeDefined();
      }
      for (const [key, { description }] of Object.entries(shapeOf(outputs).fields ?? {}))
        expect(description, key).toMatch(/\.$/);
    },
  );
});

describe("every failure", () => {
  it("has a text without a full stop and a remedy of whole sentences", async () => {
    const errors = await allErrors(root);
    expect(errors.length).toBeGreaterThan(10);
    for (const { code, text, remedy } of errors) {
      expect(code).toMatch(/^[A-Z][A-Z0-9_]+$/);
      expect(text, code).not.toMatch(/[.\s]$/);
      expect(remedy, code).toMatch(/[.:`)}]$/);
    }
  }, 30_000);
});

describe("words", () => {
  it("tell the default, the change and the secrecy of a field", () => {
    const shape = { type: "integer", optional: true, default: 3, description: "How many." } as const;
    expect(inWords({ ...shape, change: "replace", secret: true })).toBe(
      "How many. Default: `3`. A change replaces the resource. A secret: encrypted in the state.",
    );
  });
  it("wrap in a comment", () => {
    expect(docComment("short")).toBe("/** short */\n");
    const lines = docComment("word ".repeat(60).trim(), "  ").split("\n");
    expect(lines.every((line) => line.length <= 105)).toBe(true);
  });
});
