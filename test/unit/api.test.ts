import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApi } from "../../provider/api/server.ts";
import { newContext, type Progress, until } from "../../provider/kernel/context.ts";
import { lineLogger, silent } from "../../provider/kernel/log.ts";
import { clientOf, stopHelper } from "../../provider/site/client.ts";
import { siteErrors } from "../../provider/site/errors.ts";
import { type Collection, PartlyDone, type Ref, type Site } from "../../provider/site/site.ts";
import { overSocket } from "../../provider/site/transport.ts";
import { wireHeader } from "../../provider/site/wire.ts";
import { specs } from "../fixtures/site-parts.ts";

let folder = "";
let socket = "";
let app: FastifyInstance | undefined;
let open = 0;
let stopped = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "api-"));
  socket = join(folder, "s");
  open = 0;
  stopped = 0;
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  await rm(folder, { recursive: true });
});

const ref: Ref = { owner: "org/shop/prod", name: "web-1" };
const spec = specs.instance();

/** A site in which one verb of one collection does what a test wants. */
async function serve(own: Partial<Collection> = {}, more: Partial<Site> = {}): Promise<Site> {
  const nothing: Collection = {
    plan: async () => ({
      ...{ effect: "none", changed: [], replaces: [], actions: [], failures: [], computed: {} },
      ...{ warnings: [], says: [] },
    }),
    ensure: async () => ({}),
    observe: async () => undefined,
    remove: async () => {},
    list: async () => [],
  };
  const site: Site = {
    ...{ nodes: nothing, interfaces: nothing, flavors: nothing, images: nothing },
    instances: { ...nothing, ...own },
    about: async () => ({ siteId: "s", version: "1", pid: 1, settings: "x", jobs: [] }),
    ahead: { look: async () => [], used: async () => {} },
    uploads: { look: async () => ({ have: 0, whole: false }), add: async () => ({ have: 0, whole: false }) },
    perform: async () => ({}),
    watch: async function* () {},
    console: async function* () {},
    ...more,
  };
  app = createApi({
    site,
    log: silent,
    busy: (change) => {
      open += change;
    },
    stop: () => {
      stopped += 1;
    },
  });
  await app.listen({ path: socket });
  return clientOf(overSocket(socket));
}

/** A caller, and what reached it. */
function caller(signal = new AbortController().signal) {
  const progress: Progress[] = [];
  const words: string[] = [];
  const log = lineLogger((line) => words.push((JSON.parse(line) as { text: string }).text));
  return { ctx: newContext({ signal, log, report: (one) => progress.push(one) }), progress, words };
}

describe("client and helper", () => {
  it("carry what is asked to the site, and its answer back", async () => {
    const ensure = vi.fn<Collection["ensure"]>(async () => ({ address: "10.0.0.7", port: 22 }));
    const site = await serve({ ensure });
    const known = { state: { a: 1 }, run: "r", folder: "/p", dryRun: true };
    const { ctx } = caller();
    expect(await site.instances.ensure(ctx, ref, spec, known)).toEqual({
      address: "10.0.0.7",
      port: 22,
    });
    expect(ensure.mock.calls[0]?.slice(1)).toEqual([ref, spec, known]);
    expect(await site.instances.observe(ctx, ref)).toBeUndefined();
    expect(await site.instances.remove(ctx, ref)).toBeUndefined();
    expect(await site.instances.list(ctx)).toEqual([]);
    expect(await site.nodes.plan(ctx, ref, specs.node("10.0.0.7"))).toMatchObject({ failures: [] });
    expect(await site.about(ctx)).toMatchObject({ version: "1" });
  });

  it.each([
    ["of another language is refused before anything is done", "1", "/v1/instances", 409],
    ["of another language hears who the helper is", "1", "/v1/about", 200],
    ["that tells no number is taken at its word", undefined, "/v1/instances", 200],
  ])("a client %s", async (_, theirs, path, status) => {
    await serve();
    const headers = theirs === undefined ? {} : { [wireHeader]: theirs };
    const answer = await app?.inject({ method: "GET", url: path, headers });
    expect(answer?.statusCode).toBe(status);
    if (status === 409) expect(answer?.json().failure.code).toBe("HELPER_OTHER_WIRE");
  });

  it("carry progress and warnings while the work goes on, in order", async () => {
    const site = await serve({
      async ensure(ctx) {
        ctx.report({ stage: "writing", percent: 42, rate: 118e6, left: 31 });
        ctx.log.warn("look out");
        ctx.report({ stage: "verifying", note: "ü\n" });
        return {};
      },
    });
    const { ctx, progress, words } = caller();
    await site.instances.ensure(ctx, ref, spec);
    expect(progress).toEqual([
      { stage: "writing", percent: 42, rate: 118e6, left: 31 },
      { stage: "verifying", note: "ü\n" },
    ]);
    expect(words).toEqual(["look out"]);
  });

  it("carry an answer of many megabytes", async () => {
    const big = "x".repeat(20e6);
    const site = await serve({ ensure: async () => ({ big }) });
    expect((await site.instances.ensure(caller().ctx, ref, spec))["big"]).toHaveLength(20e6);
  });

  it("carry failures with code, remedy and fault, and what there is of a half-made one", async () => {
    const failure = siteErrors.make("INSTANCE_NO_NODE", { instance: "web-1", reasons: "none" });
    const site = await serve({
      ensure: async () => {
        throw new PartlyDone(failure.record, { assignedNode: "n1" });
      },
      plan: async () => {
        throw failure;
      },
      remove: async () => {
        throw new TypeError("x is not a function");
      },
    });
    const { ctx } = caller();
    const partly = await site.instances.ensure(ctx, ref, spec).catch((e) => e);
    expect(partly).toBeInstanceOf(PartlyDone);
    expect(partly).toMatchObject({
      record: failure.record,
      state: { assignedNode: "n1" },
      message: failure.message,
    });
    await expect(site.instances.plan(ctx, ref, spec)).rejects.toMatchObject({ record: failure.record });
    await expect(site.instances.remove(ctx, ref)).rejects.toMatchObject({ code: "UNFORESEEN" });
  });

  it("say in words when they do not understand each other", async () => {
    const site = await serve();
    const { ctx } = caller();
    const nameless = site.instances.ensure(ctx, { owner: "o", name: "" }, spec);
    await expect(nameless).rejects.toMatchObject({ message: expect.stringContaining("name") });
    const odd = { kind: "dance", node: "n1" } as unknown as Parameters<Site["perform"]>[1];
    await expect(site.perform(ctx, odd)).rejects.toMatchObject({ code: expect.any(String) });
    const unheard = clientOf(overSocket(socket)) as unknown as Record<string, Collection>;
    expect(unheard["volumes"]).toBeUndefined();
    const big = site.instances.ensure(ctx, ref, { ...spec, userData: "x".repeat(9e6) });
    await expect(big).rejects.toMatchObject({ code: expect.any(String) });
  });

  it("pass progress of a watched job on until it ends", async () => {
    const names: string[] = [];
    const site = await serve(
      {},
      {
        async *watch(_, collection, name) {
          names.push(`${collection}/${name}`);
          yield { stage: "a" };
          yield { stage: "b" };
        },
      },
    );
    const seen: string[] = [];
    for await (const { stage } of site.watch(caller().ctx, "instances", "web 1/ü")) seen.push(stage);
    expect([names, seen]).toEqual([["instances/web 1/ü"], ["a", "b"]]);
  });
});

describe("a client that goes away", () => {
  it("ends its own waiting only, is told its own reason, and no longer counts as work", async () => {
    let ended: unknown;
    const site = await serve({
      ensure: async (ctx) => {
        ctx.report({ stage: "begun" });
        await until(ctx, "1 hour", async () => false).catch(() => {
          ended = ctx.signal.reason;
        });
        return {};
      },
    });
    const controller = new AbortController();
    const { ctx, progress } = caller(controller.signal);
    const asking = site.instances.ensure(ctx, ref, spec);
    asking.catch(() => {});
    await vi.waitFor(() => expect(progress).toHaveLength(1));
    expect(open).toBe(1);
    const reason = new Error("ctrl-c");
    controller.abort(reason);
    await expect(asking).rejects.toBe(reason);
    await vi.waitFor(() => expect(ended).toMatchObject({ message: "the client went away" }));
    await vi.waitFor(() => expect(open).toBe(0));
  });

  it("before it has heard a word is noticed too", async () => {
    let begun = false;
    let ended = false;
    const site = await serve({
      ensure: async (ctx) => {
        begun = true;
        await until(ctx, "1 hour", async () => false).catch(() => {});
        ended = true;
        return {};
      },
    });
    const controller = new AbortController();
    const asking = site.instances.ensure(caller(controller.signal).ctx, ref, spec);
    asking.catch(() => {});
    await vi.waitFor(() => expect(begun).toBe(true));
    controller.abort(new Error("gone"));
    await expect(asking).rejects.toThrow("gone");
    await vi.waitFor(() => expect([ended, open]).toEqual([true, 0]));
  });
});

describe("a helper", () => {
  it("counts a request as work while it lasts, whatever its outcome", async () => {
    const counts: number[] = [];
    const site = await serve({
      ensure: async () => {
        counts.push(open);
        throw new Error("x");
      },
    });
    await site.instances.ensure(caller().ctx, ref, spec).catch(() => {});
    await vi.waitFor(() => expect([counts, open]).toEqual([[1], 0]));
  });

  it("keeps no connection open for a client that has its answer", async () => {
    const site = await serve();
    const { ctx } = caller();
    for (let n = 0; n < 50; n++) await site.instances.ensure(ctx, ref, spec);
    const connections = () =>
      new Promise<number>((resolve) => app?.server.getConnections((_, count) => resolve(count)));
    await vi.waitFor(async () => expect(await connections()).toBeLessThan(3));
  });

  it("is asked to stop by stopHelper", async () => {
    await serve();
    expect(await stopHelper(caller().ctx, overSocket(socket))).toBe(true);
    await vi.waitFor(() => expect(stopped).toBe(1));
  });

  it("does not stop while it works for somebody", async () => {
    const busy = { siteId: "s", version: "1", pid: 1, settings: "x", jobs: ["instances/web-1"] };
    await serve({}, { about: async () => busy });
    expect(await stopHelper(caller().ctx, overSocket(socket))).toBe(false);
    expect(stopped).toBe(0);
  });
});

describe("a connection that is lost", () => {
  /** A helper that dies after it has said so much. */
  async function dying(said: string): Promise<{ site: Site; close: () => Promise<void> }> {
    const sockets = new Set<Socket>();
    const server: Server = createServer((connection) => {
      sockets.add(connection);
      connection.on("error", () => {});
      connection.once("data", () => {
        if (said === "") connection.destroy();
        else connection.write(said, () => setTimeout(() => connection.destroy(), 20));
      });
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
    return { site: clientOf(overSocket(socket)), close };
  }
  const head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n";
  const line = `${JSON.stringify({ progress: { stage: "writing" } })}\n`;
  const chunk = `${line.length.toString(16)}\r\n${line}\r\n`;

  it.for([
    { when: "before it answers", said: "", heard: 0 },
    { when: "after the head", said: head, heard: 0 },
    { when: "in the middle of the work", said: head + chunk, heard: 1 },
    { when: "in the middle of a line", said: `${head}5\r\n{"pro\r\n`, heard: 0 },
    { when: "by a proper end without an outcome", said: `${head + chunk}0\r\n\r\n`, heard: 1 },
  ])("$when is HELPER_GONE, and may be tried again", async ({ said, heard }) => {
    const { site, close } = await dying(said);
    const { ctx, progress } = caller();
    const asking = site.instances.ensure(ctx, ref, spec);
    await expect(asking).rejects.toMatchObject({ code: "HELPER_GONE", retry: true });
    expect(progress).toHaveLength(heard);
    await close();
  });

  it("after the outcome is no failure, and no crash", async () => {
    const outcome = `${JSON.stringify({ result: { ok: 1 } })}\n`;
    const { site, close } = await dying(`${head}${outcome.length.toString(16)}\r\n${outcome}\r\n`);
    expect(await site.instances.ensure(caller().ctx, ref, spec)).toEqual({ ok: 1 });
    await close(); // an error that nobody hears would fail the whole file
  });

  it("because nobody listens is HELPER_GONE too", async () => {
    const asking = clientOf(overSocket(socket)).instances.ensure(caller().ctx, ref, spec);
    await expect(asking).rejects.toMatchObject({ code: "HELPER_GONE" });
  });
});
