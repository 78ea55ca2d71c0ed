import { once } from "node:events";
import { Agent as HttpAgent, type IncomingHttpHeaders } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Readable } from "node:stream";
import { rootCertificates } from "node:tls";
import type { Got } from "got";
import type { Context } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { toMs } from "../../kernel/units.ts";
import { imageErrors } from "./errors.ts";
import { showUrl } from "./source.ts";

export interface WebOptions {
  readonly ca: string | undefined;
  readonly stall: string;
}

/** An answer of which the body has not been read; leaving it unread needs `close`. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  close(): void;
}

export interface Request {
  readonly method: "GET" | "HEAD";
  readonly url: URL;
  readonly source: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request with its redirects. Whatever the network does becomes IMAGE_UNREACHABLE; a status is an answer. */
export async function ask(ctx: Context, web: WebOptions, request: Request): Promise<Answer> {
  const { default: got } = await import("got");
  ctx.signal.throwIfAborted();
  const stream = openStream(got, ctx, web, request);
  // An error that arrives while nobody waits must not end the process; whoever reads next meets it.
  stream.on("error", () => {});
  try {
    const [response] = (await once(stream, "response", { signal: ctx.signal })) as [
      { statusCode: number; headers: IncomingHttpHeaders },
    ];
    return {
      status: response.statusCode,
      headers: response.headers,
      body: stream,
      close: () => void stream.destroy(),
    };
  } catch (error) {
    stream.destroy();
    ctx.signal.throwIfAborted();
    throw webError(error, request.source);
  }
}

function openStream(got: Got, ctx: Context, web: WebOptions, { method, url, source, headers = {} }: Request) {
  const agents = { http: new HttpAgent({ keepAlive: false }), https: new HttpsAgent({ keepAlive: false }) };
  return got.stream(url, {
    method,
    headers: { "user-agent": "pulumi-baremetal", ...headers, "accept-encoding": "identity" },
    agent: agents,
    decompress: false,
    throwHttpErrors: false,
    maxRedirects: 10,
    retry: { limit: 0 },
    signal: ctx.signal,
    timeout: { connect: 30_000, response: toMs(web.stall), socket: toMs(web.stall) },
    ...(web.ca === undefined ? {} : { https: { certificateAuthority: [...rootCertificates, web.ca] } }),
    hooks: { beforeRedirect: [(next, from) => refuseDowngrade(new URL(from.url), next, source)] },
  });
}

function refuseDowngrade(
  from: URL,
  { url }: { readonly url?: string | URL | undefined },
  source: string,
): void {
  const target = new URL(url ?? "");
  if (target.protocol === "https:" || (from.protocol === "http:" && target.protocol === "http:")) return;
  throw imageErrors.make("IMAGE_UNSAFE_REDIRECT", { source, target: showUrl(target) });
}

/** Our own errors come back wrapped by got. Of others only the words are kept: got's error carries the whole address. */
export function webError(error: unknown, source: string): MetalError {
  const inner = error instanceof Error ? error.cause : undefined;
  if (error instanceof MetalError) return error;
  if (inner instanceof MetalError) return inner;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const message = messageOf(error);
  const cause = { cause: new Error(`${code} ${message}`.trim()) };
  const final = lasting[code];
  if (final !== undefined) return imageErrors.make("IMAGE_BAD_SERVER", { source, reason: final }, cause);
  const reason = passing[code] ?? (code.startsWith("ERR_") || code === "" ? message : code);
  return imageErrors.make("IMAGE_UNREACHABLE", { source, reason }, cause);
}

const passing: Record<string, string> = {
  ENOTFOUND: "its name is not known",
  EAI_AGAIN: "its name could not be looked up",
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the connection was cut",
  ETIMEDOUT: "it does not answer",
  EHOSTUNREACH: "there is no way to it",
  ENETUNREACH: "there is no way to it",
};

const lasting: Record<string, string> = {
  ERR_TOO_MANY_REDIRECTS: "more than 10 redirects",
  ERR_UNSUPPORTED_PROTOCOL: "it redirects to what is neither http nor https",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by an unknown authority",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
};

const messageOf = (error: unknown) =>
  (error instanceof Error ? error.message : String(error)).replace(/https?:\/\/\S+/g, "its address");

/** Statuses that are no body: who is to blame, and whether asking again may help. */
export function statusError(status: number, source: string): MetalError {
  if (status === 404 || status === 410) {
    return imageErrors.make("IMAGE_MISSING", { source, reason: `the server answers ${status}` });
  }
  // Too early, too many, or the server's own trouble: IMAGE_UNREACHABLE is tried again, IMAGE_REFUSED is not.
  if (status >= 500 || status === 408 || status === 425 || status === 429) {
    return imageErrors.make("IMAGE_UNREACHABLE", { source, reason: `it answers ${status}` });
  }
  return imageErrors.make("IMAGE_REFUSED", { source, status });
}
