import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

/** How the server misbehaves; may be changed while it runs. */
export interface Manners {
  content: Buffer;
  etag?: string | undefined;
  lastModified?: string | undefined;
  /** Whether it knows ranges. */
  ranges?: boolean;
  /** For each GET in turn: cut the connection after so many bytes of the body. */
  cuts?: number[];
  /** For each GET in turn: answer this status. */
  statuses?: number[];
  /** Chunked transfer, so no length is told. */
  chunked?: boolean;
  /** No length and no chunks: the end of the connection is the end of the body. */
  endless?: boolean;
  /** Announce so many bytes more than there are. */
  lie?: number;
  /** Milliseconds between pieces of 64 KiB. */
  slow?: number;
  redirect?: (path: string) => string | undefined;
  headRefused?: boolean;
}

export interface TestServer {
  readonly url: string;
  readonly manners: Manners;
  readonly requests: { method: string; range: string | undefined }[];
  readonly gets: () => number;
  readonly sockets: () => number;
  readonly close: () => Promise<void>;
}

/** A real web server on loopback that can fail in the ways real ones do. */
export async function startServer(
  manners: Manners,
  tls?: { key: string; cert: string },
): Promise<TestServer> {
  const requests: TestServer["requests"] = [];
  const sockets = new Set<Socket>();
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    requests.push({ method: request.method ?? "", range: request.headers.range });
    void serve(manners, request, response).catch(() => response.destroy());
  };
  const server = tls ? createSecureServer(tls, answer) : createServer(answer);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? "https" : "http"}://127.0.0.1:${port}`,
    manners,
    requests,
    gets: () => requests.filter(({ method }) => method === "GET").length,
    sockets: () => sockets.size,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(manners: Manners, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const target = manners.redirect?.(request.url ?? "");
  if (target !== undefined) return void response.writeHead(302, { location: target }).end();
  if (request.method === "HEAD" && manners.headRefused) return void response.writeHead(405).end();
  const status = request.method === "GET" ? manners.statuses?.shift() : undefined;
  if (status !== undefined && status !== 200) return void response.writeHead(status).end("no");
  const { content, etag, lastModified, chunked, endless, lie = 0 } = manners;
  const from = rangeOf(manners, request);
  if (from !== undefined && from >= content.length) {
    return void response.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
  }
  const body = content.subarray(from ?? 0);
  if (endless) response.shouldKeepAlive = response.useChunkedEncodingByDefault = false;
  response.writeHead(from === undefined ? 200 : 206, {
    ...(etag ? { etag } : {}),
    ...(lastModified ? { "last-modified": lastModified } : {}),
    ...(chunked || endless ? {} : { "content-length": body.length + lie }),
    ...(from === undefined
      ? {}
      : { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` }),
  });
  if (request.method === "HEAD") return void response.end();
  await send(manners, body, response);
}

function rangeOf({ ranges = true, etag, lastModified }: Manners, { headers }: IncomingMessage) {
  const [, from] = /^bytes=(\d+)-$/.exec(headers.range ?? "") ?? [];
  const condition = headers["if-range"];
  const holds = condition === undefined || condition === etag || condition === lastModified;
  return ranges && from !== undefined && holds ? Number(from) : undefined;
}

async function send({ cuts, slow }: Manners, body: Buffer, response: ServerResponse): Promise<void> {
  const cut = cuts?.shift();
  const whole = cut === undefined ? body : body.subarray(0, cut);
  for (let at = 0; at < whole.length; at += 65_536) {
    if (response.destroyed) return;
    const piece = whole.subarray(at, at + 65_536);
    await new Promise((resolve) => response.write(piece, resolve));
    if (slow) await pause(slow);
  }
  if (cut === undefined) response.end();
  else response.destroy();
}
