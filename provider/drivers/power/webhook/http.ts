import { type IncomingHttpHeaders, request as plainRequest, type RequestOptions } from "node:http";
import { request as secureRequest } from "node:https";
import type { Context } from "../../../kernel/context.ts";
import { trustedAgent } from "../../../services/https/trusted.ts";
import { powerErrors } from "../errors.ts";
import { controllerName } from "../name.ts";
import { distrusted, trustOf } from "../tls.ts";
import type { Target } from "./template.ts";

/** What is sent. */
export interface Asked {
  readonly target: Target;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** What is said. Any status is an answer. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A switch tells what it is in a few lines; what does not end is not read on. */
const longest = 2 ** 20;

/** Send one request over a connection of its own, as small devices have few, and follow it nowhere. */
export async function send(ctx: Context, trust: Parameters<typeof trustOf>[0], asked: Asked) {
  ctx.signal.throwIfAborted();
  const { secure, host, port, path } = asked.target;
  const name = controllerName(host, port);
  const trusted = secure
    ? trustedAgent({ host, port, ...trustOf(trust) }, (why) => distrusted(name, why))
    : false;
  const { method, body } = asked;
  const length = body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` };
  const headers = { accept: "*/*", "user-agent": "pulumi-baremetal", ...asked.headers, ...length };
  const options = { host, port, path, method, headers, agent: trusted };
  try {
    return await exchange(ctx, name, secure, options, body);
  } finally {
    if (trusted) trusted.destroy();
  }
}

function exchange(
  ctx: Context,
  address: string,
  secure: boolean,
  options: RequestOptions,
  body: string | undefined,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const lost = (error: Error) => {
      if (ctx.signal.aborted) return reject(ctx.signal.reason);
      reject("record" in error ? error : trouble(address, error));
    };
    const request = (secure ? secureRequest : plainRequest)(options);
    // Not by its option `signal`, which ends no request that has no connection yet.
    const cut = () => {
      reject(ctx.signal.reason);
      request.destroy();
    };
    ctx.signal.addEventListener("abort", cut, { once: true });
    request.on("close", () => ctx.signal.removeEventListener("abort", cut));
    request.on("error", lost);
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("error", lost);
      response.on("data", (piece: string) => {
        text += piece;
        if (text.length > longest) request.destroy(endless(address));
      });
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    request.end(body);
  });
}

function trouble(address: string, cause: Error): Error {
  const reason = (cause as NodeJS.ErrnoException).code ?? cause.message;
  // Somebody answers, in another language.
  return reason.startsWith("HPE_")
    ? powerErrors.make("POWER_ODD_REPLY", { address, reply: `no HTTP (${reason})`, what }, { cause })
    : powerErrors.make("POWER_UNREACHABLE", { address, reason }, { cause });
}

const what = "what its request is for";
const endless = (address: string) =>
  powerErrors.make("POWER_ODD_REPLY", { address, reply: "more than 1 MiB", what });
