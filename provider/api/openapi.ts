import { z } from "zod";
import { durationPattern, sizePattern } from "../kernel/units.ts";
import { resources } from "../resources/index.ts";
import { octets } from "../site/transport.ts";
import { LineOf, Refused } from "./answers.ts";
import type { Route } from "./route.ts";
import { routes } from "./routes.ts";

type Json = { readonly [key: string]: unknown };

/** The OpenAPI document of the routes, from the very schemas that requests are held to. */
export function openApiOf(version: string): Json {
  const parts = new Map<string, Json>();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operationOf(route, parts) };
  }
  const refused = schemaOf(Refused, parts);
  const responses = Object.entries(refusals).map(([status, description]) => [
    `refused${status}`,
    { description, ...(status === "429" ? { headers: retryAfter } : {}), content: json(refused) },
  ]);
  return {
    openapi: "3.1.0",
    info: {
      title: "pulumi-baremetal: the deploy helper",
      version,
      description:
        "What Pulumi and the command line ask of a site. Long answers are lines of JSON: progress and warnings while the work goes on, and the outcome last.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "Made by `pulumi-baremetal tokens add`." },
      },
      responses: Object.fromEntries(responses),
      schemas: Object.fromEntries([...parts].sort(([a], [b]) => a.localeCompare(b))),
    },
  };
}

const refusals: Readonly<Record<number, string>> = {
  400: "The request is not right; all that is wrong is told at once.",
  401: "There is no token, or none that is known, or it has expired.",
  403: "The token is not for this.",
  404: "There is no such thing to ask.",
  405: "Asked with another method than this path's.",
  408: "The request did not come to its end in time.",
  409: "Not now, or not here.",
  413: "The body is too large.",
  415: "The body is not of the type application/json.",
  429: "Too many requests without a good token from this address.",
  431: "The head of the request, its path and query with it, is too large.",
  503: "It is ending; its successor will answer.",
};
const retryAfter = { "Retry-After": { description: "Seconds.", schema: { type: "integer" } } };
const json = (schema: Json): Json => ({ "application/json": { schema } });

function operationOf(route: Route, parts: Map<string, Json>): Json {
  const { name, summary, open, params = {}, query = {}, body, method } = route;
  const parameters = [
    ...Object.entries(params).map(([key, schema]) => ({ key, in: "path", schema })),
    ...Object.entries(query).map(([key, schema]) => ({ key, in: "query", schema })),
  ];
  const told = [
    ...(open ? [] : [401, 429]),
    ...(body || parameters.length > 0 ? [400] : []),
    ...(parameters.length > 0 ? [431] : []),
    ...(method === "POST" ? [400, 408, 413, 415] : []),
    ...(route.form === "lines" ? [403] : []),
    ...(route.refusals ?? []),
    503,
  ];
  const refused = [...new Set(told)].sort((a, b) => a - b);
  return {
    operationId: name,
    summary,
    ...(open ? { security: [] } : {}),
    ...(parameters.length > 0
      ? {
          parameters: parameters.map(({ key, in: where, schema }) => ({
            ...{
              name: key,
              in: where,
              required: !schema.safeParse(undefined).success,
              schema: schemaOf(schema, parts),
            },
          })),
        }
      : {}),
    ...(body ? { requestBody: { required: true, content: bodyOf(body, parts) } } : {}),
    responses: {
      200: { description: describe(route), content: contentOf(route, parts) },
      ...Object.fromEntries(
        refused.map((status) => [status, { $ref: `#/components/responses/refused${status}` }]),
      ),
    },
  };
}

const bodyOf = (body: NonNullable<Route["body"]>, parts: Map<string, Json>): Json =>
  body === "bytes" ? { [octets]: {} } : json(schemaOf(body, parts));

const describe = ({ form }: Route): string =>
  form === "lines"
    ? "Lines of JSON, each by this schema; the last one has the outcome: `result`, or `error`."
    : "The answer.";

function contentOf({ form, answer }: Route, parts: Map<string, Json>): Json {
  if (form === "json") return json(schemaOf(answer, parts));
  if (form === "text") return { "text/plain": { schema: schemaOf(answer, parts) } };
  return { "application/x-ndjson": { schema: schemaOf(LineOf(answer), parts) } };
}

/** A schema as JSON Schema; what has a name of its own lies in `parts`, and is referred to. */
function schemaOf(schema: z.ZodType, parts: Map<string, Json>): Json {
  const {
    $schema: _,
    $defs = {},
    ...own
  } = pointed(z.toJSONSchema(schema, { io: "input", unrepresentable: "any", override })) as Json & {
    readonly $defs?: Readonly<Record<string, Json>>;
  };
  for (const [name, part] of Object.entries($defs)) parts.set(name, part);
  return own;
}

const kinds: readonly string[] = Object.values(resources).map(({ kind }) => kind);
const units = {
  Size: { type: "string", pattern: sizePattern.source },
  Duration: { type: "string", pattern: durationPattern.source },
} as const;

/** Our own words about a field are no JSON Schema: said in its terms where it has some, else left out. */
function override({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const { unit, secret, id } = jsonSchema as { unit?: keyof typeof units; secret?: boolean; id?: string };
  if (unit) Object.assign(jsonSchema, units[unit]);
  if (secret) jsonSchema["writeOnly"] = true;
  // What the SDK adds to a program's inputs.
  if (id !== undefined && kinds.includes(id)) jsonSchema.patternProperties = { "^__": {} };
  for (const key of ["unit", "secret", "change", "computed", "reference", "id"]) delete jsonSchema[key];
}

/** With references into the document's components. */
function pointed(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
}
