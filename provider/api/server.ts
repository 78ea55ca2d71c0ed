import type { Server } from "node:http";
import { createServer } from "node:https";
import Fastify, { type FastifyHttpOptions, type FastifyInstance, type FastifyRequest } from "fastify";
import { type Context, newContext } from "../kernel/context.ts";
import { withoutSchemas } from "../kernel/fastify.ts";
import type { Logger } from "../kernel/log.ts";
import type { Page } from "../page/page.ts";
import type { Site } from "../site/site.ts";
import { octets } from "../site/transport.ts";
import { wire, wireHeader } from "../site/wire.ts";
import { wireErrors } from "../site/wire-errors.ts";
import { apiErrors } from "./errors.ts";
import { answerLines } from "./lines.ts";
import { openApiOf } from "./openapi.ts";
import { type Refusals, refuse, refuseBare } from "./refusals.ts";
import { type Admitted, type Refusing, routeOf } from "./refused.ts";
import type { Desk, Incoming, Route } from "./route.ts";
import { routes } from "./routes.ts";
import { strayOf } from "./strays.ts";

export interface ApiOptions {
  readonly site: Site;
  readonly log: Logger;
  /** Called when a request begins and when it ends, so that an idle helper knows that it is. */
  readonly busy: (change: 1 | -1) => void;
  /** Asked by a client of another version when nothing is under way. A service has none: it is no client's to end. */
  readonly stop?: () => void;
  /** Serve HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The site as the bearer of this token may use it; throws where nobody knows it. Absent: who reaches us may all. */
  readonly admit?: (asker: Asker) => Promise<Admitted>;
  /** Told of each request that is not taken. */
  readonly refused?: Refusing;
  /** What a browser may have before it shows a token. */
  readonly page?: Page;
  /** What there is to tell Prometheus. */
  readonly metrics?: (ctx: Context) => Promise<string>;
}

export interface Asker {
  readonly token: string | undefined;
  readonly address: string;
  /** What is asked for, as the list of routes has it. */
  readonly route: string;
}

const bodyLimit = 8 * 2 ** 20;

/** The helper's HTTP face: each of the `routes`, whoever asks admitted first, and every refusal in one form. */
export function createApi(options: ApiOptions): FastifyInstance {
  const { site: whole, log, busy, tls, admit, refused = () => {} } = options;
  const admitted = new WeakMap<FastifyRequest, Admitted>();
  const whoOf = (request: FastifyRequest) => admitted.get(request)?.who;
  const app = newServer(log, tls, { refused, whoOf });
  let open = 0;
  const count = (change: 1 | -1) => {
    open += change;
    busy(change);
  };
  let ending = false;
  app.addHook("preClose", async () => {
    ending = true;
  });
  app.addHook("onRequest", async (_, { raw }) => {
    count(1);
    raw.once("close", () => count(-1)); // not onResponse: a client that goes away has none
    if (ending) throw apiErrors.make("HELPER_ENDS", {});
  });

  app.addHook("onRequest", async ({ headers, routeOptions }) => {
    const theirs = headers[wireHeader];
    if (theirs === undefined || theirs === String(wire) || routeOptions.config.anyWire) return;
    throw wireErrors.make("HELPER_OTHER_WIRE", { ours: String(theirs), theirs: wire });
  });

  app.addHook("onRequest", async (request) => {
    if (request.routeOptions.config.open) return;
    const { headers, ip: address } = request;
    const asker = { token: bearer(headers.authorization), address, route: routeOf(request) };
    admitted.set(request, admit ? await admit(asker) : { site: whole });
  });

  const desk: Desk = { ...options, whole, open: () => open, document: openApiOf };
  options.page?.addTo(app);
  for (const route of routes) if (route.where?.(desk) ?? true) serve(app, route, { desk, log, admitted });
  return app;
}

interface Serving {
  readonly desk: Desk;
  readonly log: Logger;
  readonly admitted: WeakMap<FastifyRequest, Admitted>;
}

function serve(app: FastifyInstance, route: Route, { desk, log, admitted }: Serving): void {
  const { method, path, form, open = false, anyWire = false, act } = route;
  app.route({
    method,
    url: path.replace(/\{(\w+)\}/g, ":$1"),
    exposeHeadRoute: form !== "lines",
    config: { open, anyWire: open || anyWire },
    handler: async (request, reply) => {
      const site = admitted.get(request)?.site ?? (open ? desk.whole : unadmitted());
      const params = request.params as Readonly<Record<string, string>>;
      const query = request.query as Readonly<Record<string, unknown>>;
      const { body } = request;
      if (body instanceof Uint8Array && route.body !== "bytes") {
        throw apiErrors.make("REQUEST_MEDIA_TYPE", { type: octets });
      }
      const work = (ctx: Context, say: Incoming["say"] = async () => {}) =>
        act(ctx, { site, body, params, query, say }, desk);
      if (form === "lines") return answerLines(reply, log, work);
      if (form === "text") reply.type("text/plain; version=0.0.4");
      return work(newContext({ log }));
    },
  });
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Answered without a token. */
    open?: boolean;
    anyWire?: boolean;
  }
}

type Told = Pick<Refusals, "refused" | "whoOf">;

function newServer(log: Logger, tls: ApiOptions["tls"], { refused, whoOf }: Told): FastifyInstance {
  const secure: Partial<FastifyHttpOptions<Server>> = tls
    ? { serverFactory: (handler) => createServer({ ...tls, ...patience }, handler) }
    : {};
  const refusing = refuse({ log, bodyLimit, strayOf, whoOf, refused });
  const app = Fastify({
    ...{ logger: false, bodyLimit, forceCloseConnections: true, return503OnClosing: false },
    ...{
      clientErrorHandler: refuseBare(refused),
      frameworkErrors: refusing,
      routerOptions: { maxParamLength: 256 },
    },
    ...{ schemaController: withoutSchemas, ...secure },
  });
  app.removeContentTypeParser("text/plain");
  app.addContentTypeParser(octets, { parseAs: "buffer" }, (_, body, done) => done(null, body));
  app.setErrorHandler(refusing);
  app.setNotFoundHandler(async (request) => {
    throw strayOf(request);
  });
  return app;
}

/** How long a client from elsewhere may take to say what it wants; our answers may take as long as they take. */
const patience = {
  ...{ headersTimeout: 20_000, requestTimeout: 60_000, keepAliveTimeout: 10_000, handshakeTimeout: 20_000 },
  // Node looks after these limits only so often; its default is 30 s.
  connectionsCheckingInterval: 5_000,
};

const bearer = (header: string | undefined): string | undefined => /^Bearer (\S+)$/i.exec(header ?? "")?.[1];

const unadmitted = (): never => {
  throw new TypeError("a request came by without having been admitted");
};
