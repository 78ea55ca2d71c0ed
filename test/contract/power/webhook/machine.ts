import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer as createPlain, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createSecure } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { text } from "node:stream/consumers";
import type { PeerFault } from "../peer.ts";

/** What a request has to bring to be let in. */
export const account = { user: "admin", password: 'Hjq8-wrEx2."T/z' };
export const login = Buffer.from(`${account.user}:${account.password}`).toString("base64");
export const token = "Bearer pbt_Tz4xQ";

export interface Kind {
  /** With a certificate; plain HTTP without. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** It lets in by a digest alone, each nonce once. */
  readonly digest?: true;
}
type Order = "look" | "on" | "off" | "soft" | "boot";
const orders: Readonly<Record<string, Order>> = {
  ...{ state: "look", on: "on", off: "off", soft: "soft", boot: "boot" },
};
type Reply = [status: number, body?: string, headers?: Record<string, string>];

/**
 * A switch of our own behind HTTP, with one machine: `/u7/on`, or the order in a body of JSON. It is told who asks by Basic,
 * a header, or in the query, as devices differ. It listens on loopback alone.
 */
export async function startMachine({ tls, digest }: Kind = {}) {
  let [state, fault, logins]: ["on" | "off", PeerFault, number] = ["off", "none", 0];
  /** Answers in the place of the machine's own. */
  let next: Reply | undefined;
  const given: { at: number; order: Order }[] = [];
  const requests: { line: string; headers: IncomingMessage["headers"]; body: string }[] = [];

  function turn(to: "on" | "off"): void {
    state = to;
  }
  function effect(to: "on" | "off"): void {
    if (fault === "lies") return;
    if (fault === "slow") setTimeout(turn, 1_000, to).unref();
    else turn(to);
  }

  let nonce = "none yet";
  const letIn = (request: IncomingMessage, query: URLSearchParams) =>
    digest ? byDigest(request, nonce) : plainly(request, query);
  const plainly = ({ headers }: IncomingMessage, query: URLSearchParams) =>
    headers.authorization === `Basic ${login}` ||
    headers.authorization === token ||
    query.get("password") === account.password;

  function reply(request: IncomingMessage, body: string): Reply {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://switch");
    logins += 1;
    if (!letIn(request, searchParams)) {
      nonce = randomBytes(9).toString("base64");
      const challenge = `Digest qop="auth", realm="plug-7", nonce="${nonce}", algorithm=SHA-256`;
      const headers: Record<string, string> = digest ? { "www-authenticate": challenge } : {};
      return [401, `you said ${request.headers.authorization}`, headers];
    }
    nonce = "used";
    if (next) return next;
    if (fault === "busy") return [503, "<h1>Busy</h1>", { "retry-after": "1" }];
    const [, address, word = ""] = pathname.split("/");
    const asked = word || (JSON.parse(body) as { order: string }).order;
    const order = orders[asked];
    if (address !== "u7" || order === undefined) return [404, "there is no such switch"];
    given.push({ at: Date.now(), order });
    if (order === "look")
      return [200, fault === "garbles" ? "<p>42</p>" : JSON.stringify([{ ison: state === "on" }])];
    if (order === "on" || order === "off") effect(order);
    if (order === "soft" && fault !== "deaf") effect("off");
    return [204];
  }

  const held = new Set<Socket>();
  const serve: RequestListener = async (request, response) => {
    if (fault === "hangs") return void held.add(request.socket);
    const body = await text(request);
    requests.push({ line: `${request.method} ${request.url}`, headers: request.headers, body });
    const [status, said = "", headers = {}] = reply(request, body);
    response.writeHead(status, headers).end(said);
  };
  const server = (tls ? createSecure(tls, serve) : createPlain(serve)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    ...{ port, given, requests, url: `${tls ? "https" : "http"}://127.0.0.1:${port}` },
    logins: () => logins,
    say(...reply: Reply) {
      next = reply;
    },
    fault(now: PeerFault) {
      fault = now;
      for (const socket of held) socket.destroy();
      held.clear();
    },
    state: () => state,
    turn,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
export type Machine = Awaited<ReturnType<typeof startMachine>>;

/** Whether a request brings the digest of our account and this nonce (RFC 7616). */
function byDigest({ method, url, headers }: IncomingMessage, nonce: string): boolean {
  const said = headers.authorization ?? "";
  const field = (name: string) => new RegExp(`\\b${name}="?([^",]*)`).exec(said)?.[1] ?? "";
  const sha = (...words: string[]) => createHash("sha256").update(words.join(":")).digest("hex");
  const secret = sha(account.user, "plug-7", account.password);
  const wanted = sha(secret, nonce, field("nc"), field("cnonce"), "auth", sha(method ?? "", url ?? ""));
  return said.startsWith("Digest ") && field("response") === wanted && field("uri") === url;
}
