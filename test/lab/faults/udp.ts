import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createFates, deliver, type Fates, type Weather } from "./weather.ts";

/** What a look into a client's packet decides: it goes on its way, is swallowed, or is answered in the peer's place. */
export type Verdict = "pass" | "swallow" | { readonly answer: Buffer };

export interface UdpWireOptions {
  /** Default: 1. */
  readonly seed?: number;
  /** Both ways. */
  readonly weather?: Weather;
  /** For a protocol's own faults; called before the weather. A client is known by its port. */
  readonly meddle?: (packet: Buffer, client: number) => Verdict;
}

/** A wire for UDP between clients and a server on 127.0.0.1, which can be bad. */
export interface UdpWire {
  readonly port: number;
  /** From clients to the server, from now on. Each client is a flow of its own, each way. */
  there: Weather;
  back: Weather;
  /** Packets that clients sent, and those of them that did not go on. */
  readonly counts: () => { readonly sent: number; readonly lost: number };
  readonly stop: () => void;
}

// A client whose answers nobody waits for any more: each call of ipmitool is another one.
const forgotten = 60_000;

interface Way {
  readonly socket: Socket;
  readonly idle: NodeJS.Timeout;
  readonly there: Fates;
}

export async function startUdpWire(target: number, options: UdpWireOptions = {}): Promise<UdpWire> {
  const { seed = 1, meddle = () => "pass" as const } = options;
  const front = await bound();
  const ended = new AbortController();
  const ways = new Map<number, Promise<Way>>();
  let [sent, lost, flows] = [0, 0, 0];
  const wire: UdpWire = {
    port: front.address().port,
    there: options.weather ?? {},
    back: options.weather ?? {},
    counts: () => ({ sent, lost }),
    stop: () => {
      ended.abort();
      front.close();
      for (const way of ways.values()) void way.then(close);
    },
  };
  const toClient = (client: number) => (packet: Buffer) => front.send(packet, client, "127.0.0.1");
  const close = ({ socket, idle }: Way) => {
    clearTimeout(idle);
    socket.close();
  };
  const open = async (client: number): Promise<Way> => {
    flows += 1;
    const there = createFates(seed, flows * 2, () => wire.there);
    const back = createFates(seed, flows * 2 + 1, () => wire.back);
    const socket = await bound();
    socket.on("message", (packet) => deliver(back(packet), ended.signal, toClient(client)));
    const forget = () => {
      ways.delete(client);
      socket.close();
    };
    return { socket, there, idle: setTimeout(forget, forgotten).unref() };
  };
  front.on("message", async (packet, { port: client }) => {
    sent += 1;
    const verdict = meddle(packet, client);
    if (verdict === "swallow") lost += 1;
    else if (verdict !== "pass") toClient(client)(verdict.answer);
    else {
      const way = ways.get(client) ?? open(client);
      ways.set(client, way);
      const { socket, there, idle } = await way;
      idle.refresh();
      const arrivals = there(packet);
      if (arrivals.length === 0) lost += 1;
      deliver(arrivals, ended.signal, (one) => socket.send(one, target, "127.0.0.1"));
    }
  });
  return wire;
}

async function bound(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}
