import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Agent, request as ask, createServer as createHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { PeerFault, PowerPeer } from "../peer.ts";

type Order = Awaited<ReturnType<PowerPeer["orders"]>>[number];

/** Stands before an emulator that cannot fail: passes on what it hears, notes what reaches the machine, and fails when told to. */
export async function startFront(tls: { cert: string; key: string }, behind: number) {
  let [fault, refusals]: [PeerFault, number] = ["none", 0];
  const orders: Order[] = [];
  const held = new Set<ServerResponse>();
  // Its certificate is what the driver is tried with where there is no front.
  const agent = new Agent({ rejectUnauthorized: false });

  async function pass({ method, url, headers }: IncomingMessage, body: string) {
    const request = ask({ agent, host: "127.0.0.1", port: behind, method, path: url, headers });
    request.end(body);
    const [answer] = (await once(request, "response")) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, headers: answer.headers, said: await text(answer) };
  }

  const server = createHttps(tls, async (request, response) => {
    if (fault === "hangs") return void held.add(response);
    const body = await text(request);
    if (fault === "busy") return void response.writeHead(503).end();
    const order = orderOf(request, body);
    if (order !== undefined) orders.push({ at: Date.now(), order });
    const switches = order !== undefined && order !== "look" && order !== "boot";
    if (switches && (fault === "lies" || (fault === "deaf" && order === "soft")))
      return void response.writeHead(204).end();
    const { status, headers, said } = await pass(request, body);
    if (status === 401 && request.headers.authorization !== undefined) refusals += 1;
    const garbled = fault === "garbles" && order === "look";
    response.writeHead(garbled ? 200 : status, garbled ? {} : headers).end(garbled ? "<html>" : said);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    ...{ port: (server.address() as AddressInfo).port, orders },
    refusals: () => refusals,
    fault(next: PeerFault) {
      fault = next;
      for (const response of held) response.destroy();
      held.clear();
    },
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function orderOf({ method, url = "" }: IncomingMessage, body: string): Order["order"] | undefined {
  if (!/^\/redfish\/v1\/Systems\/[^/]+(\/Actions\/.*)?$/.test(url)) return undefined;
  if (method === "GET") return "look";
  if (method === "PATCH") return "boot";
  if (body.includes("GracefulShutdown")) return "soft";
  return body.includes('"On"') ? "on" : "off";
}

/** An image for controllers that fetch it: its address, and an end. */
export async function startImage() {
  const server = createServer((_, response) => void response.end("an image")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/5d3e7f.iso`,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
