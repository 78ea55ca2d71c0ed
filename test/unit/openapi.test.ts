import { Validator } from "@seriousme/openapi-schema-validator";
import { describe, expect, it } from "vitest";
import { openApiOf } from "../../provider/api/openapi.ts";
import { routes } from "../../provider/api/routes.ts";

interface Operation {
  readonly operationId: string;
  readonly security?: readonly unknown[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
}
const document = JSON.parse(JSON.stringify(openApiOf("1.2.3"))) as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Readonly<Record<string, unknown>>>> };
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

describe("the OpenAPI document", () => {
  it("is valid by OpenAPI 3.1, and every reference in it leads somewhere", async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
    expect(validator.version).toBe("3.1");
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/(.*?)"/g)].map(
      ([, to]) => to ?? "",
    );
    expect(references.length).toBeGreaterThan(50);
    const at = (to: string) =>
      to.split("/").reduce<unknown>((inner, key) => (inner as Record<string, unknown>)?.[key], document);
    expect(references.filter((to) => at(to) === undefined)).toEqual([]);
  });

  it("has every route, and each by a name of its own", () => {
    const served = routes.map(({ method, path, name }) => `${method} ${path} ${name}`);
    expect(
      operations.map(({ method, path, operation }) => `${method} ${path} ${operation.operationId}`),
    ).toEqual(served);
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
  });

  it("asks for a token wherever the routes do", () => {
    const open = operations
      .filter(({ operation }) => operation.security?.length === 0)
      .map(({ path }) => path);
    expect(open).toEqual(["/healthz", "/openapi.json"]);
  });

  it("tells what each kind is declared with, by its own name, and none of our own words", () => {
    for (const kind of ["Node", "Interface", "Flavor", "Image", "Instance"]) {
      expect([kind, document.components.schemas[kind]]).toEqual([
        kind,
        expect.objectContaining({ type: "object" }),
      ]);
    }
    const text = JSON.stringify(document.components.schemas);
    expect(text).not.toMatch(/"(change|secret|computed|reference|unit)":("|true)/);
    const node = document.components.schemas["Node"] as { properties: Record<string, object> };
    expect(node.properties["memory"]).toMatchObject({
      type: "string",
      pattern: expect.stringContaining("GiB"),
    });
    const ipmi = document.components.schemas["Ipmi"] as { properties: Record<string, object> };
    expect(ipmi.properties["password"]).toMatchObject({ writeOnly: true });
  });
});
