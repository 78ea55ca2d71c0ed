import type { Server } from "node:http";
import { createServer } from "node:https";
import { PassThrough } from "node:stream";
import Fastify, { type FastifyHttpOptions, type FastifyInstance, type FastifyRequest } from "fastify";
import { type Context, newContext } from "../kernel/context.ts";
import { toRecord } from "../kernel/errors.ts";
import type { Logger } from "../kernel/log.ts";
import type { Page } from "../page/page.ts";
import { resources } from "../resources/index.ts";
import type { CollectionName } from "../resources/resource.ts";
import { type Known, PartlyDone, type Site } from "../site/site.ts";
import { ConsoleQuery, type Line, OperationRequest, Request, type Verb, verbs } from "../site/wire.ts";

export interface ApiOptions {
  readonly site: Site;
  readonly log: Logger;
  /** Called when a request begins and when it ends, so that an idle helper knows that it is. */
  readonly busy: (change: 1 | -1) => void;
  /** Asked by a client of another version when nothing is under way. A service has none: it is no client's to end. */
  readonly stop?: () => void;
  /** Serve HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The site as the bearer of this token may use it; throws a MetalError where nobody knows it. Absent: who reaches us may all. */
  readonly admit?: (asker: { readonly token: string | undefined; readonly address: string }) => Promise<Site>;
  /** What a browser may have before it shows a token. */
  readonly page?: Page;
  /** What there is to tell Prometheus. */
  readonly metrics?: (ctx: Context) => Promise<string>;
}

/** The helper's HTTP face: five collections with four verbs each, operations, and progress. Generic over the resources. */
export function createApi({
  site: whole,
  log,
  busy,
  stop,
  tls,
  admit,
  page,
  metrics,
}: ApiOptions): FastifyInstance {
  const secure: Partial<FastifyHttpOptions<Server>> = tls
    ? { serverFactory: (handler) => createServer({ ...tls, ...patience }, handler) }
    : {};
  const app = Fastify({ logger: false, bodyLimit: 8 * 2 ** 20, forceCloseConnections: true, ...secure });
  let open = 0;
  const count = (change: 1 | -1) => {
    open += change;
    busy(change);
  };
  app.addHook("onRequest", async (_, { raw }) => {
    count(1);
    raw.once("close", () => count(-1)); // not onResponse: a client that goes away has none
  });

  const sites = new WeakMap<FastifyRequest, Site>();
  const siteOf = (request: FastifyRequest) => sites.get(request) ?? refuse();
  app.addHook("onRequest", async (request, reply) => {
    if (request.url === healthPath || page?.paths.includes(request.url)) return;
    try {
      const asker = { token: bearer(request.headers.authorization), address: request.ip };
      sites.set(request, admit ? await admit(asker) : whole);
    } catch (error) {
      await reply.code(401).send({ failure: toRecord(error) });
    }
  });

  page?.addTo(app);
  app.get(healthPath, async () => ({ status: "ok" }));
  if (metrics) {
    app.get("/metrics", async (_, reply) =>
      reply.type("text/plain; version=0.0.4").send(await metrics(newContext({ log }))),
    );
  }
  app.get("/v1/about", async (request) => ({
    ...(await siteOf(request).about(newContext({ log }))),
    ...(stop ? {} : { service: true }),
  }));
  app.post("/v1/stop", async (_, reply) => {
    if (!stop) return reply.code(409).send({ message: "it is a service" });
    // Somebody may have begun something since the asker looked.
    const { jobs } = await whole.about(newContext({ log }));
    if (open > 1 || jobs.length > 0) return reply.code(409).send({ message: "it is busy" });
    setImmediate(stop);
    return {};
  });
  app.post("/v1/perform", async (request, reply) =>
    answer(reply, log, async (ctx) => siteOf(request).perform(ctx, OperationRequest.parse(request.body))),
  );
  for (const collection of Object.keys(resources) as CollectionName[]) {
    app.get(`/v1/${collection}`, async (request, reply) =>
      answer(reply, log, async (ctx) => siteOf(request)[collection].list(ctx)),
    );
    for (const verb of verbs) {
      app.post(`/v1/${collection}/${verb}`, async (request, reply) =>
        answer(reply, log, async (ctx) =>
          perform(ctx, siteOf(request), collection, verb, Request.parse(request.body)),
        ),
      );
    }
  }
  app.get<{ Params: { collection: CollectionName; name: string } }>(
    "/v1/watch/:collection/:name",
    async (request, reply) =>
      answer(reply, log, async (ctx) => {
        const { collection, name } = request.params;
        for await (const progress of siteOf(request).watch(ctx, collection, name)) ctx.report(progress);
      }),
  );
  for (const collection of Object.keys(resources) as CollectionName[]) {
    app.get<{ Params: { name: string } }>(`/v1/console/${collection}/:name`, async (request, reply) =>
      answer(reply, log, async (ctx, say) => {
        const asked = ConsoleQuery.parse(request.query);
        const lines = siteOf(request).console(ctx, collection, request.params.name, asked);
        for await (const heard of lines) say({ heard });
      }),
    );
  }
  return app;
}

const healthPath = "/healthz";

/** How long a client from elsewhere may take to say what it wants; our answers may take as long as they take. */
const patience = { headersTimeout: 20_000, requestTimeout: 60_000, keepAliveTimeout: 10_000 };

const bearer = (header: string | undefined): string | undefined => /^Bearer (\S+)$/i.exec(header ?? "")?.[1];

const refuse = (): never => {
  throw new TypeError("a request came by without having been admitted");
};

async function perform(ctx: Context, site: Site, collection: CollectionName, verb: Verb, request: Request) {
  const { ref, spec = {}, known } = request;
  // exactOptionalPropertyTypes: zod's optional fields may be present as undefined, ours may not.
  const told = JSON.parse(JSON.stringify(known ?? {})) as Known;
  const where = site[collection];
  switch (verb) {
    case "plan":
      return where.plan(ctx, ref, spec, told);
    case "ensure":
      return where.ensure(ctx, ref, spec, told);
    case "observe":
      return where.observe(ctx, ref, told);
    case "remove":
      return where.remove(ctx, ref, told);
    default:
      throw new TypeError(`no such verb: ${verb satisfies never}`);
  }
}

type Reply = {
  send: (stream: PassThrough) => unknown;
  header: (name: string, value: string) => unknown;
  raw: NodeJS.EventEmitter;
};

/** Answer with lines of JSON while `body` works. A client that goes away ends only its own waiting. */
function answer(
  reply: Reply,
  log: Logger,
  body: (ctx: Context, say: (line: Line) => void) => Promise<unknown>,
): unknown {
  const stream = new PassThrough();
  const gone = new AbortController();
  const say = (line: Line) => {
    if (!stream.destroyed) stream.write(`${JSON.stringify(line)}\n`);
  };
  reply.raw.once("close", () => gone.abort(new Error("the client went away")));
  const ctx = newContext({
    signal: gone.signal,
    log: {
      ...log,
      warn(text, fields) {
        log.warn(text, fields);
        say({ warning: text });
      },
    },
    report: (progress) => say({ progress }),
  });
  body(ctx, say).then(
    (result) => {
      say({ result: result ?? null });
      stream.end();
    },
    (error) => {
      if (!gone.signal.aborted) log.warn("a request failed", { reason: String(error) });
      say(
        error instanceof PartlyDone
          ? { error: error.record, state: error.state }
          : { error: toRecord(error) },
      );
      stream.end();
    },
  );
  reply.header("content-type", "application/x-ndjson");
  return reply.send(stream);
}
