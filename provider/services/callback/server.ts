import type { AddressInfo } from "node:net";
import fastify, { type FastifyInstance } from "fastify";
import type { Context } from "../../kernel/context.ts";
import { withoutSchemas } from "../../kernel/fastify.ts";
import { canonicalAddress, showWhere } from "./address.ts";
import type { Announcement } from "./announcement.ts";
import { callbackErrors } from "./errors.ts";
import { portHolder } from "./holder.ts";
import { parseAnnouncement } from "./parse.ts";
import { type Phoned, phoneHomePath, routePhoneHome } from "./phone-home-route.ts";
import { oneLine, say, verdictOf } from "./reply.ts";

/** The site's answer to an announcement. The reason is one line for the ramdisk's log. */
type Verdict = { readonly ok: true } | { readonly ok: false; readonly reason: string };

export interface CallbackOptions {
  /** The address to listen on; `::` and `0.0.0.0` are all of this host's. */
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Who may announce. It compares keys, and answers when the job is queued, not when it is done. */
  readonly accept: (announcement: Announcement) => Promise<Verdict>;
  /** Default: nobody is waited for. */
  readonly phoned?: Phoned;
}

/** A call-back that listens. */
export interface Callback {
  readonly port: number;
  /** Ends the open connections too; asked twice does no harm. */
  readonly close: () => Promise<void>;
}

const nobody: Phoned = async () => ({ ok: false, reason: "unknown" });
const limits = { body: 64 * 1024, headers: 8 * 1024, connections: 512, sockets: 15_000, request: 5_000 };

/**
 * Listen as Nova's deploy helper did: POST to any path, 200 when accepted, 400 with one line otherwise, 501 for every
 * other method. One folder of paths is cloud-init's, for systems that phone home. It ends with the context's signal.
 * CALLBACK_PORT_TAKEN, CALLBACK_CANNOT_LISTEN.
 */
export async function startCallback(
  ctx: Context,
  { host, port, accept, phoned = nobody }: CallbackOptions,
): Promise<Callback> {
  ctx.signal.throwIfAborted();
  const app = newServer();
  app.setNotFoundHandler(({ url }, reply) =>
    phoneHomePath(url) === undefined ? say(reply, 501, "Not Implemented") : say(reply, 404, "Not Found"),
  );
  app.setErrorHandler((error, { ip }, reply) => {
    ctx.log.warn("a request to the call-back was not understood", { peer: ip, reason: wordsOf(error) });
    return say(reply, 400, wordsOf(error));
  });
  routePhoneHome(ctx, app, phoned);
  app.post("/", async ({ body, ip }, reply) => {
    const verdict = await judge(ctx, body instanceof Buffer ? body.toString("utf8") : "", ip, accept);
    return verdict.ok ? say(reply, 200, "") : say(reply, 400, verdict.reason);
  });
  try {
    await app.listen({ host, port });
  } catch (error) {
    await app.close();
    throw await whyNot(error, host, port);
  }
  return untilAborted(ctx, app);
}

function newServer(): FastifyInstance {
  const app = fastify({
    logger: false,
    schemaController: withoutSchemas,
    bodyLimit: limits.body,
    requestTimeout: limits.request,
    connectionTimeout: limits.sockets,
    keepAliveTimeout: 1_000,
    forceCloseConnections: true,
    // Nova looked at no path: every other one is this one.
    rewriteUrl: ({ url }) => phoneHomePath(url) ?? "/",
    http: {
      maxHeaderSize: limits.headers,
      headersTimeout: limits.request,
      // Node looks after these limits only so often; its default is 30 s.
      connectionsCheckingInterval: 1_000,
      // Shell scripts that speak HTTP by `nc` send none, and Nova did not ask.
      requireHostHeader: false,
    },
  });
  app.server.maxConnections = limits.connections;
  // Nor at the kind of content: curl, wget and scripts each name another one, or none.
  app.addHook("onRequest", async ({ raw }) => {
    raw.headers["content-type"] = "application/octet-stream";
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => done(null, body));
  return app;
}

async function judge(
  ctx: Context,
  body: string,
  peer: string,
  accept: CallbackOptions["accept"],
): Promise<Verdict> {
  const parsed = parseAnnouncement(body, peer);
  const log = ctx.log.with({ peer: canonicalAddress(peer) });
  if (!parsed.ok) {
    log.warn("announcement refused", { reason: parsed.reason });
    return parsed;
  }
  const { announcement } = parsed;
  const told = { deployment: announcement.deployment, iqn: announcement.iqn, error: announcement.error };
  const verdict = await verdictOf({ ...ctx, log: log.with(told) }, () => accept(announcement));
  if (verdict.ok) log.info("announcement accepted", told);
  else log.warn("announcement refused", { ...told, reason: verdict.reason });
  return verdict;
}

function wordsOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return "the body is too large";
  return "the request is not understood";
}

async function whyNot(error: unknown, host: string, port: number): Promise<Error> {
  const where = showWhere(host, port);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code !== "EADDRINUSE") {
    const reason = error instanceof Error ? oneLine(error.message) : "unknown";
    return callbackErrors.make("CALLBACK_CANNOT_LISTEN", { where, reason }, { cause: error });
  }
  const program = (await portHolder(port)) ?? "another program";
  return callbackErrors.make("CALLBACK_PORT_TAKEN", { where, program }, { cause: error });
}

function untilAborted({ signal }: Context, app: FastifyInstance): Callback {
  let closing: Promise<void> | undefined;
  const close = () => {
    signal.removeEventListener("abort", onAbort);
    closing ??= app.close();
    return closing;
  };
  const onAbort = () => void close();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  return { port: (app.server.address() as AddressInfo).port, close };
}
