import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { hasCode, MetalError, toRecord } from "../kernel/errors.ts";
import type { Logger } from "../kernel/log.ts";
import { showBytes } from "../kernel/units.ts";
import { apiErrors } from "./errors.ts";
import { noRoute, type Refusing, routeOf } from "./refused.ts";

/** A request that is not taken: its status, and a failure of the catalogue. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly failure: MetalError;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, failure: MetalError, headers: Readonly<Record<string, string>> = {}) {
    super(failure.message, { cause: failure });
    this.status = status;
    this.failure = failure;
    this.headers = headers;
  }
}

/** What each failure is by HTTP. */
const statuses: Readonly<Record<string, number>> = {
  ...{
    REQUEST_BAD: 400,
    REQUEST_NOT_JSON: 400,
    REQUEST_NOT_HTTP: 400,
    TOKEN_MISSING: 401,
    TOKEN_EXPIRED: 401,
    PAGE_TOKEN: 401,
  },
  ...{ TOKEN_SCOPE: 403, TOKEN_OWNER: 403, REQUEST_UNKNOWN_PATH: 404, REQUEST_METHOD: 405 },
  ...{ REQUEST_TOO_SLOW: 408, HELPER_STAYS: 409, HELPER_OTHER_WIRE: 409, REQUEST_TOO_LARGE: 413 },
  ...{ REQUEST_MEDIA_TYPE: 415, TOKEN_RATE: 429, HELPER_ENDS: 503 },
};

/** Whether it says that the request is not taken, and not what became of it. */
export const refuses = (error: unknown): error is MetalError => hasCode(error, ...Object.keys(statuses));

/** Any error as a refusal; one that nobody foresaw is a 500, which is ours to mend. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (!(error instanceof MetalError))
    return new Refusal(500, new MetalError(toRecord(error), { cause: error }));
  return new Refusal(statuses[error.code] ?? 500, error);
}

/** What fastify says of a request that it does not take, in our words; undefined: that it is nobody's. */
function wordsOf(error: unknown, { headers }: FastifyRequest, bodyLimit: number): unknown {
  const { code, message, statusCode } = error as NodeJS.ErrnoException & { readonly statusCode?: number };
  const reason = String(message).slice(0, 120);
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return apiErrors.make("REQUEST_TOO_LARGE", { limit: showBytes(bodyLimit) });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return apiErrors.make("REQUEST_MEDIA_TYPE", {
        type: (headers["content-type"] ?? "none").slice(0, 80),
      });
    case "FST_ERR_CTP_EMPTY_JSON_BODY":
      return apiErrors.make("REQUEST_NOT_JSON", { reason: "it is empty" });
    case "FST_ERR_CTP_INVALID_JSON_BODY":
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
      return apiErrors.make("REQUEST_NOT_JSON", { reason });
    case "FST_ERR_BAD_URL":
    case "FST_ERR_MAX_PARAM_LENGTH":
      return apiErrors.make("REQUEST_NOT_HTTP", { reason: "its path is not one" });
    // Of a method that takes a body (QUERY), before anybody has looked whether it is one of ours.
    case "FST_ERR_ROUTE_MISSING_CONTENT_TYPE":
    case "FST_ERR_ROUTE_MISSING_CONTENT":
      return undefined;
    default:
      return Number(statusCode) < 500 ? apiErrors.make("REQUEST_NOT_HTTP", { reason }) : error;
  }
}

export interface Refusals {
  readonly log: Logger;
  readonly bodyLimit: number;
  readonly strayOf: (request: FastifyRequest) => Refusal;
  readonly whoOf: (request: FastifyRequest) => string | undefined;
  readonly refused: Refusing;
}

/** Answers every request that is not taken, whoever found that. */
export const refuse =
  ({ log, bodyLimit, strayOf, whoOf, refused }: Refusals) =>
  (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    // Whoever went away while the answer began is refused nothing.
    if (reply.raw.destroyed) return reply.hijack();
    const { status, failure, headers } = refusalOf(wordsOf(error, request, bodyLimit) ?? strayOf(request));
    const who = whoOf(request);
    refused({
      ...{ route: routeOf(request), status, code: failure.code, from: request.ip },
      ...(who === undefined ? {} : { who }),
    });
    if (status === 500) {
      const reason = failure.cause instanceof Error ? failure.cause.stack : failure.message;
      log.warn("a request met a failure that nobody foresaw", { reason });
    }
    return reply.code(status).headers(headers).type("application/json").send({ failure: failure.record });
  };

/** ms: what a client still sends is taken in for so long, or the end of the connection would overtake our answer. */
const lingering = 1_000;
const lingers = new WeakSet<Socket>();

/** For what is no request yet: answered on the bare connection, which ends with it. */
export const refuseBare = (refused: Refusing) => (error: NodeJS.ErrnoException, socket: Socket) => {
  if (lingers.has(socket)) return; // what comes after the refusal is no request either
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) return void socket.destroy();
  const [status, failure] = bareRefusal(error.code);
  const from = socket.remoteAddress ?? "";
  refused({ route: noRoute, status: Number.parseInt(status, 10), code: failure.code, from });
  const body = JSON.stringify({ failure: failure.record });
  const head = [
    `HTTP/1.1 ${status}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  lingers.add(socket);
  const over = setTimeout(() => socket.destroy(), lingering);
  socket.once("close", () => clearTimeout(over));
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
  socket.resume();
};

function bareRefusal(code: string | undefined): readonly [string, MetalError] {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return ["408 Request Timeout", apiErrors.make("REQUEST_TOO_SLOW", {})];
  }
  if (code === "HPE_HEADER_OVERFLOW") {
    const failure = apiErrors.make("REQUEST_TOO_LARGE", { limit: "what the head of a request may be" });
    return ["431 Request Header Fields Too Large", failure];
  }
  return ["400 Bad Request", apiErrors.make("REQUEST_NOT_HTTP", { reason: "it is no HTTP" })];
}
