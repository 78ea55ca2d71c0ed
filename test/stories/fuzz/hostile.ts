import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { callbackPort, port } from "./service.ts";

/** What a client does that means no good, or is broken. */

export interface Place {
  readonly name: string;
  readonly connect: () => Promise<Socket>;
  /** What stands before each head: a token, where one is needed to be heard at all. */
  readonly headers: string;
}
const from = { host: "127.0.0.1", localAddress: "127.0.0.9" };

export const placesOf = (token: string): readonly Place[] => [
  {
    name: "the API",
    connect: () => opened(tls(), "secureConnect"),
    headers: `Authorization: Bearer ${token}\r\n`,
  },
  {
    name: "port 10000",
    connect: () => opened(connectTcp({ ...from, port: callbackPort }), "connect"),
    headers: "",
  },
];

/** Before TLS is spoken. */
export const bare = () => opened(connectTcp({ ...from, port }), "connect");

function tls() {
  const tcp = connectTcp({ ...from, port });
  tcp.on("error", () => {});
  return connectTls({ socket: tcp, rejectUnauthorized: false });
}

async function opened(socket: Socket, event: string): Promise<Socket> {
  socket.on("error", () => {});
  await Promise.race([once(socket, event), once(socket, "close")]).catch(() => {});
  return socket;
}

/** The first line of what is answered until the connection ends, or empty. */
export async function heard(socket: Socket, ms = 120_000): Promise<string> {
  let said = "";
  socket.on("data", (piece) => {
    if (said.length < 4_096) said += piece;
  });
  if (!socket.destroyed) {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), ms);
    await once(socket, "close", { signal: late.signal }).catch(() => {});
    clearTimeout(timer);
  }
  const lasts = !socket.destroyed;
  socket.destroy();
  return lasts ? `still open: ${said.split("\r\n")[0]}` : (said.split("\r\n")[0] ?? "");
}

/** Bytes that mean nothing. */
export async function send(socket: Socket, bytes: Uint8Array | string): Promise<string> {
  socket.end(bytes);
  return heard(socket);
}

/** A body that does not end. Answers how much of it was taken, and what was said. */
export async function endless({ connect, headers }: Place): Promise<{ taken: number; said: string }> {
  const socket = await connect();
  socket.write(
    `POST /v1/nodes/plan HTTP/1.1\r\nHost: x\r\n${headers}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  const piece = `${(65_536).toString(16)}\r\n${"[".repeat(65_536)}\r\n`;
  const answer = heard(socket);
  let taken = 0;
  while (!socket.destroyed && socket.writable && taken < 256 * 2 ** 20) {
    if (!socket.write(piece)) {
      while (!socket.destroyed && socket.writableNeedDrain) await pause(5);
    }
    taken += 65_536;
  }
  return { taken: socket.bytesWritten, said: await answer };
}

/** One byte now and then, of a head or of a body, for as long as it is listened to. Answers how many seconds that was. */
export async function dripping({ connect, headers }: Place, part: "head" | "body"): Promise<number> {
  const socket = await connect();
  const start = Date.now();
  const head = `POST / HTTP/1.1\r\nHost: x\r\n${headers}Content-Type: application/json\r\nContent-Length: 100000\r\n`;
  socket.write(part === "head" ? `${head}X-Slow: ` : `${head}\r\n`);
  const answer = heard(socket, 180_000);
  const drip = setInterval(() => socket.writable && socket.write("a"), 500);
  await answer;
  clearInterval(drip);
  return (Date.now() - start) / 1000;
}

/** Heads and bodies that are not what they say, each in its own way. */
export const halfRequests: readonly string[] = [
  "POST /v1/nodes/plan HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
  "POST /v1/nodes/plan HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
  "POST /v1/nodes/plan HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
  "POST /v1/nodes/plan HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
  "POST /v1/nodes/plan HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
  "POST /v1/nodes/plan HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
  `GET /${"a".repeat(60_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: x\r\n${"X: y\r\n".repeat(5_000)}\r\n`,
  "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
  "GET /\u0000 HTTP/1.1\r\nHost: x\r\n\r\n",
  "CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
  "GET /v1/nodes HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
  "GET /v1/nodes HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];
