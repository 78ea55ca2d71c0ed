import type { Agent, IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Context } from "../../../kernel/context.ts";
import { exchange } from "../../../services/https/exchange.ts";
import { type Trusted, trustedAgent } from "../../../services/https/trusted.ts";
import { powerErrors } from "../errors.ts";
import { distrusted } from "../tls.ts";

/** What is asked of a controller. */
export interface Asked {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** From the root of the host on: `/redfish/v1/Systems/1`. */
  readonly path: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What it says. A status is an answer; a body that is no JSON is undefined. */
export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** One host that is asked over connections which stay open. */
export interface Http {
  /** For people: host and port. */
  readonly name: string;
  readonly ask: (ctx: Context, asked: Asked) => Promise<Answered>;
  readonly close: () => void;
}

/** A controller tells what it is in kilobytes; what does not end is not read on. */
const longest = 4 * 2 ** 20;
const mostRedirects = 3;

/** Ask over HTTPS. Nothing is sent to a host that has not proved to be the right one. */
export function openHttp(name: string, trusted: Trusted): Http {
  const agent = trustedAgent(trusted, (why) => distrusted(name, why));
  const { host, port } = trusted;
  async function ask(ctx: Context, asked: Asked, left = mostRedirects): Promise<Answered> {
    const answered = await send(ctx, { name, agent, host, port }, asked);
    const { location } = answered.headers;
    const redirected = [301, 302, 307, 308].includes(answered.status) && location !== undefined;
    const again = redirected && left > 0 ? placeOn(location, host, port) : undefined;
    if (again === undefined || (asked.method !== "GET" && answered.status < 307)) return answered;
    return ask(ctx, { ...asked, path: again }, left - 1);
  }
  return { name, ask: (ctx, asked) => ask(ctx, asked), close: () => agent.destroy() };
}

/** The path that an address leads to on this very host; undefined where it leads elsewhere: the login is not for others. */
export function placeOn(location: string, host: string, port: number): string | undefined {
  const shown = host.includes(":") ? `[${host}]` : host;
  if (!URL.canParse(location, `https://${shown}:${port}`)) return undefined;
  const { hostname, port: other, pathname, search, protocol } = new URL(location, `https://${shown}:${port}`);
  const same = hostname.replace(/^\[|\]$/g, "").toLowerCase() === host.toLowerCase();
  return same && protocol === "https:" && Number(other || 443) === port ? `${pathname}${search}` : undefined;
}

interface Way {
  readonly name: string;
  readonly agent: Agent;
  readonly host: string;
  readonly port: number;
}

async function send(ctx: Context, way: Way, asked: Asked): Promise<Answered> {
  const { name, agent, host, port } = way;
  const { method, path, body, headers = {} } = asked;
  const text = body === undefined ? undefined : JSON.stringify(body);
  const own = {
    // Compressed on the way, what a controller says gets a weak tag (sushy, connector.py).
    "accept-encoding": "identity",
    ...{ accept: "application/json", "odata-version": "4.0", "user-agent": "pulumi-baremetal" },
    ...(text === undefined
      ? {}
      : { "content-type": "application/json", "content-length": `${Buffer.byteLength(text)}` }),
  };
  ctx.signal.throwIfAborted();
  // A command is asked once: over a connection that is new, as one that was kept may be closed under it.
  if (method !== "GET") for (const kept of Object.values(agent.freeSockets).flat()) kept?.destroy();
  const request = httpsRequest({
    ...{ agent, host, port, method, path, headers: { ...own, ...headers } },
  });
  let answering = false;
  request.once("response", () => {
    answering = true;
  });
  try {
    const said = await exchange(ctx, request, { body: text, most: longest, endless });
    return { status: said.status, headers: said.headers, body: parsed(said.text) };
  } catch (error) {
    if (ctx.signal.aborted || !(error instanceof Error) || "record" in error) throw error;
    const { code = error.message } = error as NodeJS.ErrnoException;
    // A controller closes what is not used for some seconds, perhaps just now. What only looks is asked over another connection.
    const closed = request.reusedSocket && !answering && code === "ECONNRESET";
    if (closed && method === "GET") return await send(ctx, way, asked);
    throw unreachable(name, code);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const endless = () => new Error("its answer does not end");
const unreachable = (address: string, reason: string) =>
  powerErrors.make("POWER_UNREACHABLE", { address, reason });
