import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { LabServer } from "../lab/index.ts";
import { type Kind, resetsFor, segmentIn } from "./frame.ts";
import { createFates, deliver, type Fates, type Weather } from "./weather.ts";

/** Weather for the packets of one protocol. */
export interface Rule extends Weather {
  readonly of: Kind;
  /** Only those that this side sends. Default: both. */
  readonly from?: Side;
  /** Once so many bytes have come from the helper, the TCP connection that carries them is reset at both ends: once. */
  readonly resetAfter?: number;
}

export type Side = "server" | "helper";

/** A server's network cable, which can be bad. */
export interface Wire {
  /** From now on; each rule counts and throws dice from its beginning. */
  readonly set: (rules: readonly Rule[]) => void;
  /** Packets that did not arrive. */
  readonly lost: () => number;
  /** Connections that were reset. */
  readonly resets: () => number;
  readonly stop: () => Promise<void>;
}

interface Held {
  readonly rule: Rule;
  readonly fates: Readonly<Record<Side, Fates>>;
  bytes: number;
}

const sides: readonly Side[] = ["server", "helper"];
// struct virtio_net_hdr, which says what is still to be done to the frame behind it.
const offloads = 10;

/** Put a wire between a server of the lab and its bridge: every frame goes through this process. */
export async function startWire(
  { mac }: Pick<LabServer, "mac">,
  { seed = 1, rules = [] }: { readonly seed?: number; readonly rules?: readonly Rule[] } = {},
): Promise<Wire> {
  const digits = mac.replaceAll(":", "");
  const [card, port, held] = [await cardOf(digits), `v${digits}`, `w${digits}`];
  await execa("ip", ["link", "add", port, "type", "veth", "peer", "name", held]);
  await execa("ip", ["link", "set", port, "master", "br0", "up"]);
  // The host itself takes no part: it would answer for its addresses on any of its cards.
  for (const one of [card, held]) {
    await execa("ip", ["link", "set", one, "nomaster", "arp", "off", "addrgenmode", "none", "up"]);
  }
  const script = fileURLToPath(new URL("wire.py", import.meta.url));
  const words = ["--pdeathsig", "KILL", "--", "python3", script, card, held];
  const child = execa("setpriv", words, { stdin: "pipe", buffer: false, encoding: "buffer", reject: false });
  const ended = new AbortController();
  let [lost, resets, state] = [0, 0, hold(seed, rules)];
  const send = (to: Side, frame: Buffer) => {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(frame.length);
    header.writeUInt8(sides.indexOf(to), 4);
    if (!ended.signal.aborted) child.stdin.write(Buffer.concat([header, frame]));
  };
  const pass = (from: Side, whole: Buffer) => {
    const to = from === "server" ? "helper" : "server";
    const frame = whole.subarray(offloads);
    const segment = segmentIn(frame);
    const own =
      segment && state.find(({ rule: { of, from: only = from } }) => of === segment.kind && only === from);
    if (own === undefined || segment === undefined) return send(to, whole);
    const { resetAfter } = own.rule;
    if (from === "helper") own.bytes += segment.payload;
    if (resetAfter !== undefined && own.bytes >= resetAfter && from === "helper" && segment.payload > 0) {
      const { there, back } = resetsFor(frame, segment);
      for (const [side, one] of [
        [to, there],
        [from, back],
      ] as const)
        send(side, bare(one));
      resets += 1;
      own.bytes = Number.NEGATIVE_INFINITY;
      return;
    }
    const arrivals = own.fates[from](frame);
    if (arrivals.length === 0) lost += 1;
    // A turned bit is for the receiver's checksum to find, which may not have been made yet.
    const header = (packet: Buffer) =>
      packet === frame ? whole.subarray(0, offloads) : Buffer.alloc(offloads);
    deliver(arrivals, ended.signal, (packet) => send(to, Buffer.concat([header(packet), packet])));
  };
  const gone = child.then(({ exitCode }) => {
    if (!ended.signal.aborted) throw new Error(`the wire of ${mac} ended with ${exitCode}`);
  });
  gone.catch(() => {});
  await Promise.race([once(child.stdout, "data"), gone]);
  frames(child.stdout, (side, frame) => pass(sides[side] ?? "server", frame));
  return {
    set(rules) {
      state = hold(seed, rules);
    },
    lost: () => lost,
    resets: () => resets,
    async stop() {
      ended.abort();
      child.kill("SIGKILL");
      await child;
      await execa("ip", ["link", "del", port], { reject: false });
      // Of a server that has ended the card is gone.
      await execa("ip", ["link", "set", card, "master", "br0"], { reject: false });
    },
  };
}

const hold = (seed: number, rules: readonly Rule[]): readonly Held[] =>
  rules.map((rule, n) => ({
    rule,
    fates: {
      server: createFates(seed, 2 * n, () => rule),
      helper: createFates(seed, 2 * n + 1, () => rule),
    },
    bytes: 0,
  }));

const bare = (frame: Buffer) => Buffer.concat([Buffer.alloc(offloads), frame]);

/** A paper server's or a QEMU machine's. */
async function cardOf(digits: string): Promise<string> {
  const paper = `p${digits}`;
  const { exitCode } = await execa("ip", ["link", "show", paper], { reject: false });
  return exitCode === 0 ? paper : `t${digits}`;
}

function frames(stream: NodeJS.ReadableStream, hear: (side: number, frame: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  stream.on("data", (piece: Buffer) => {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    while (rest.length >= 5) {
      const end = 5 + rest.readUInt32BE(0);
      if (rest.length < end) break;
      hear(rest.readUInt8(4), rest.subarray(5, end));
      rest = rest.subarray(end);
    }
  });
}
