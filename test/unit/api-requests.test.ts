import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApiOf } from "../../provider/api/openapi.ts";
import type { Refused } from "../../provider/api/refused.ts";
import { routes } from "../../provider/api/routes.ts";
import { createApi } from "../../provider/api/server.ts";
import { lineLogger } from "../../provider/kernel/log.ts";
import { siteErrors } from "../../provider/site/errors.ts";
import { guardedSite } from "../../provider/site/guarded.ts";
import { asSite } from "../fixtures/command-line.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";

let site: FakeSite;
let folder = "";
let app: FastifyInstance;
const words: string[] = [];
const refused: Refused[] = [];
beforeAll(async () => {
  site = await openFakeSite();
  folder = await mkdtemp(join(tmpdir(), "requests-"));
  const reader = guardedSite(asSite(site), { name: "ci", owner: "shop/*", scope: "read" });
  app = createApi({
    ...{ site: asSite(site), log: lineLogger((line) => words.push(line)), busy: () => {} },
    admit: async ({ token }) => ({ site: token === "reader" ? reader : asSite(site), who: token ?? "whole" }),
    refused: (one) => refused.push(one),
  });
  await app.listen({ path: join(folder, "s") });
});
afterAll(async () => {
  await app.close();
  await site.close();
  await rm(folder, { recursive: true });
});

interface Asked {
  readonly method?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
async function ask(
  path: string,
  body?: string,
  { method, type = "application/json", headers = {} }: Asked = {},
) {
  const asking = request({
    ...{ socketPath: join(folder, "s"), path, agent: false },
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...(body === undefined || type === "" ? {} : { "content-type": type }), ...headers },
  });
  asking.on("error", () => {}); // told not to go on while it sends
  asking.end(body);
  const [response] = await once(asking, "response");
  let text = "";
  for await (const piece of response) text += piece;
  const { failure } = text.startsWith("{") ? JSON.parse(text.split("\n")[0] ?? "") : {};
  documented(asking.method, path, response.statusCode);
  return { status: response.statusCode, headers: response.headers, text, failure };
}

const document = openApiOf("1") as unknown as {
  readonly paths: Record<string, Record<string, { readonly responses: Record<string, unknown> }>>;
};

/** The document says of what is served that it may answer so. */
function documented(method: string, path: string, status: number): void {
  const [place] = path.split("?");
  const route = routes.find(
    (one) =>
      one.method === method &&
      new RegExp(`^${one.path.replace(/\{\w+\}/g, "[^/]{1,256}")}$`).test(place ?? ""),
  );
  if (route === undefined || status === 431) return; // 431: what is asked for was not read
  const said = Object.keys(document.paths[route.path]?.[method.toLowerCase()]?.responses ?? {});
  expect([method, route.path, said]).toEqual([method, route.path, expect.arrayContaining([String(status)])]);
}

const json = JSON.stringify;
const plan = "/v1/nodes/plan";
const node = specs.node("10.0.0.1");

describe("a request that is not right is refused with a failure of the catalogue", () => {
  it.for<
    readonly [
      what: string,
      status: number,
      code: string,
      path: string,
      body?: string | undefined,
      more?: Asked,
    ]
  >([
    ["is empty", 400, "REQUEST_NOT_JSON", plan, ""],
    ["is no JSON", 400, "REQUEST_NOT_JSON", plan, "{"],
    ["would change a prototype", 400, "REQUEST_NOT_JSON", plan, '{"__proto__": {"x": 1}}'],
    ["is no object", 400, "REQUEST_BAD", plan, "7"],
    ["is null", 400, "REQUEST_BAD", plan, "null"],
    ["is nested too deeply", 400, "REQUEST_BAD", plan, `${"[".repeat(1e5)}${"]".repeat(1e5)}`],
    ["has too many values", 400, "REQUEST_BAD", plan, json({ ref: ref("n1"), spec: Array(60_000).fill(1) })],
    ["has a field of a name without end", 400, "REQUEST_BAD", plan, json({ ["x".repeat(1e6)]: 1 })],
    ["declares nothing", 400, "REQUEST_BAD", plan, json({ ref: ref("n1") })],
    [
      "declares where nothing is declared",
      400,
      "REQUEST_BAD",
      "/v1/nodes/observe",
      json({ ref: ref("n1"), spec: node }),
    ],
    ["asks for an operation that there is not", 400, "REQUEST_BAD", "/v1/perform", json({ kind: "dance" })],
    ["watches what there is not", 400, "REQUEST_BAD", "/v1/watch/volumes/v1"],
    ["reads from no number", 400, "REQUEST_BAD", "/v1/console/nodes/n1?after="],
    ["is too large", 413, "REQUEST_TOO_LARGE", plan, json({ x: "x".repeat(9e6) })],
    ["is of another type", 415, "REQUEST_MEDIA_TYPE", plan, "x", { type: "text/plain" }],
    ["is of no type", 415, "REQUEST_MEDIA_TYPE", plan, "x", { type: "" }],
    ["asks for what there is not", 404, "REQUEST_UNKNOWN_PATH", "/v1/volumes/plan", "{}"],
    ["has a path that is none", 400, "REQUEST_NOT_HTTP", "/v1/watch/nodes/%zz"],
    ["has a path without end", 400, "REQUEST_NOT_HTTP", `/v1/watch/nodes/${"x".repeat(2_000)}`],
    ["has another method", 405, "REQUEST_METHOD", plan, undefined, { method: "GET" }],
    [
      "has a method with a body that nobody has",
      405,
      "REQUEST_METHOD",
      "/v1/nodes",
      undefined,
      { method: "QUERY" },
    ],
    ["has a method that nobody has", 405, "REQUEST_METHOD", "/v1/nodes", undefined, { method: "PROPFIND" }],
    [
      "has a head without end",
      431,
      "REQUEST_TOO_LARGE",
      "/v1/about",
      undefined,
      { headers: { x: "x".repeat(20_000) } },
    ],
  ])("that %s: %i, and told to who counts", async ([, status, code, path, body, more]) => {
    refused.length = 0;
    const answer = await ask(path, body, more);
    // Of what cannot be read there is nobody who asked, and nothing that was asked for.
    const known = routes.some((route) => path === route.path && (more?.method ?? "POST") === route.method);
    expect(refused).toEqual([expect.objectContaining({ status, code })]);
    if (known && status !== 431) expect(refused[0]).toMatchObject({ route: `POST ${path}`, who: "whole" });
    expect([answer.status, answer.failure?.code]).toEqual([status, code]);
    expect(answer.failure).toEqual({
      ...{ code, text: expect.any(String), remedy: expect.any(String), retry: false, fault: "input" },
    });
    expect(answer.headers["content-type"]).toContain("application/json");
    expect(answer.text.length).toBeLessThan(2_000);
    expect(words.join("\n")).not.toContain("nobody foresaw");
    expect((await ask("/healthz")).status).toBe(200);
  });

  it("with all that is wrong at once, each at its place, and no value told", async () => {
    const { power, ...rest } = node;
    const bad = {
      ...rest,
      cpus: 0,
      memory: "PLANTED",
      power: { ...power, address: 7, passwort: "PLANTED" },
      nmae: "n",
    };
    const { failure } = await ask(plan, json({ ref: { owner: "o/p/s", name: "n1" }, spec: bad }));
    for (const said of [
      "spec.cpus: Expected at least 1",
      "spec.memory: Expected a number and a unit",
      "spec.power.address: Expected a string",
      "spec.power.passwort: There is no such field; did you mean password?",
      "spec.nmae: There is no such field; did you mean name?",
    ]) {
      expect(failure.text).toContain(said);
    }
    expect(failure.text).not.toContain("PLANTED");
    const many = await ask(
      plan,
      json({
        ref: ref("n1"),
        spec: { ...node, ...Object.fromEntries(Array.from({ length: 900 }, (_, n) => [`f${n}`, n])) },
      }),
    );
    expect(many.failure.text).toContain("; and 880 more");
  });

  it("which names what may be asked instead", async () => {
    const { headers, failure } = await ask(plan);
    expect([headers["allow"], failure.text]).toEqual(["POST", `${plan} is asked with POST, not with GET`]);
  });

  it("which is called by its route, whatever stands in its place and query", async () => {
    refused.length = 0;
    await ask("/v1/watch/volumes/v1?x=y", undefined, { headers: { authorization: "Bearer ci" } });
    await ask("/v1/nowhere/PLANTED");
    expect(refused.map(({ route, who }) => [route, who])).toEqual([
      ["GET /v1/watch/{collection}/{name}", "ci"],
      ["none", "whole"],
    ]);
  });

  it("with 403 where the token is not for it, and as the outcome where the work itself failed", async () => {
    const reader = { headers: { authorization: "Bearer reader" } };
    const ensure = json({ ref: ref("n1"), spec: node });
    expect(await ask("/v1/nodes/ensure", ensure, reader)).toMatchObject({
      status: 403,
      failure: { code: "TOKEN_SCOPE" },
    });
    const others = json({ ref: ref("n1", "org/blog/prod") });
    expect(await ask("/v1/nodes/observe", others, reader)).toMatchObject({
      status: 403,
      failure: { code: "TOKEN_OWNER" },
    });
    const reset = await ask("/v1/perform", json({ kind: "reset", node: "n9" }));
    expect(reset.status).toBe(200);
    expect(JSON.parse(reset.text).error).toEqual(
      siteErrors.make("SITE_UNKNOWN_REFERENCE", { kind: "Node", name: "n9" }).record,
    );
  });

  it("on the bare connection too, where it is no HTTP", async () => {
    const socket = connect(join(folder, "s"));
    socket.end("\x16\x03\x01 hello\r\n\r\n");
    let said = "";
    for await (const piece of socket) said += piece;
    expect(said).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(refused.at(-1)).toEqual({ route: "none", status: 400, code: "REQUEST_NOT_HTTP", from: "" });
    expect(JSON.parse(said.split("\r\n\r\n")[1] ?? "").failure.code).toBe("REQUEST_NOT_HTTP");
  });
});

describe("a declaration", () => {
  it("reaches the site as the schema has it, with what the SDK adds, and with what only the update will know", async () => {
    const { power, ...rest } = node;
    const { port: _, ...less } = power;
    const spec = { ...rest, power: less, __urn: "urn:pulumi:prod::shop::x::n1" };
    expect((await ask("/v1/nodes/ensure", json({ ref: ref("n1"), spec }))).text).toContain('"result"');
    expect((await site.store.get("nodes", "n1"))?.spec).toMatchObject({ power: { port: 623 } });
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    const later = { ...node, cpus: unknown };
    const asked = { ref: ref("n2"), spec: later, known: { unknown: ["cpus"], dryRun: true } };
    expect((await ask(plan, json(asked))).text).toContain('"result"');
    expect((await ask(plan, json({ ...asked, known: {} }))).failure.text).toContain("spec.cpus: Expected");
  });
});

describe("the routes", () => {
  it("are what is served, each by its methods alone", async () => {
    for (const { path, method, where } of routes) {
      if (where) continue;
      const asked = path.replace("{collection}", "nodes").replace("{name}", "n1");
      const methods = routes.filter((route) => route.path === path).map((route) => route.method);
      const others = (["GET", "POST"] as const).filter((one) => !methods.includes(one));
      for (const other of others) {
        expect([path, (await ask(asked, undefined, { method: other })).status]).toEqual([path, 405]);
      }
      // What is asked may be refused; that it is documented, `ask` looks at.
      const { status } = await ask(asked, method === "POST" ? "[]" : undefined);
      expect([path, [404, 405, 500].includes(status)]).toEqual([path, false]);
    }
  });
});
