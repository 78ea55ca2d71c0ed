import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import type { Context } from "../../../kernel/context.ts";
import { exchange, type Said } from "../../../services/https/exchange.ts";
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

/** A switch tells what it is in a few lines; what does not end is not read on. */
const longest = 2 ** 20;

/** Send one request over a connection of its own, as small devices have few, and follow it nowhere. */
export async function send(ctx: Context, trust: Parameters<typeof trustOf>[0], asked: Asked): Promise<Said> {
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
  const request = (secure ? secureRequest : plainRequest)(options);
  try {
    return await exchange(ctx, request, { body, most: longest, endless: () => endless(name) });
  } catch (error) {
    if (ctx.signal.aborted || !(error instanceof Error) || "record" in error) throw error;
    throw trouble(name, error);
  } finally {
    if (trusted) trusted.destroy();
  }
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
