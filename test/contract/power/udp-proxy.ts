import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** `crowded`: every session request is answered "insufficient resources". `silent`: nothing passes. */
export type ProxyMode = "open" | "crowded" | "silent" | "silent to suite 17" | "drops first packets";

/** A wire that can be bad, between ipmitool and a controller on 127.0.0.1. */
export interface UdpProxy {
  readonly port: number;
  mode: ProxyMode;
  /** Open Session requests that came by: each is one login that was tried. */
  readonly sessions: () => number;
  readonly stop: () => void;
}

const openSessionRequest = 0x10;
const openSessionResponse = 0x11;
const hmacSha256 = 0x03;
const insufficientResources = 0x01;

export async function startUdpProxy(target: number): Promise<UdpProxy> {
  const front = await bound();
  const backs = new Map<number, Socket>();
  const seen = new Map<number, number>();
  let sessions = 0;
  const back = async (client: number) => {
    const known = backs.get(client);
    if (known) return known;
    const made = await bound();
    backs.set(client, made);
    made.on("message", (packet) => front.send(packet, client, "127.0.0.1"));
    return made;
  };
  const proxy: UdpProxy = {
    port: front.address().port,
    mode: "open",
    sessions: () => sessions,
    stop: () => {
      for (const socket of [front, ...backs.values()]) socket.close();
    },
  };
  front.on("message", async (packet, { port: client }) => {
    // RMCP header of 4 bytes; then 06 = IPMI 2.0 format, and the type of the payload.
    const asksForSession = packet[4] === 0x06 && ((packet[5] ?? 0) & 0x3f) === openSessionRequest;
    if (asksForSession) sessions += 1;
    const count = (seen.get(client) ?? 0) + 1;
    seen.set(client, count);
    if (proxy.mode === "silent") return;
    if (proxy.mode === "drops first packets" && count === 1) return;
    if (asksForSession && packet[28] === hmacSha256 && proxy.mode === "silent to suite 17") return;
    if (asksForSession && proxy.mode === "crowded") front.send(refusal(packet), client, "127.0.0.1");
    else (await back(client)).send(packet, target, "127.0.0.1");
  });
  return proxy;
}

function refusal(request: Buffer): Buffer {
  const header = Buffer.from([
    0x06,
    0x00,
    0xff,
    0x07,
    0x06,
    openSessionResponse,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    8,
    0,
  ]);
  const tag = request[16] ?? 0;
  const console = request.subarray(20, 24);
  return Buffer.concat([header, Buffer.from([tag, insufficientResources, 0, 0]), console]);
}

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}
