import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import type { LabServer } from "../lab/index.ts";
import { createJudge, type Rule, type Side } from "./rules.ts";
import { deliver } from "./weather.ts";

/** A server's network cable, which can be bad. */
export interface Wire {
  /** From now on; each rule counts and throws dice from its beginning. */
  readonly set: (rules: readonly Rule[]) => void;
  /** Packets that did not arrive since. */
  readonly lost: () => number;
  /** Connections that were reset since. */
  readonly resets: () => number;
  readonly stop: () => Promise<void>;
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
  let judge = createJudge(seed, rules);
  const send = (to: Side, frame: Buffer) => {
    const header = Buffer.alloc(5);
    header.writeUInt32BE(frame.length);
    header.writeUInt8(sides.indexOf(to), 4);
    child.stdin.write(Buffer.concat([header, frame]));
  };
  const pass = (from: Side, whole: Buffer) => {
    const frame = whole.subarray(offloads);
    for (const { to, after, frame: packet } of judge.pass(from, frame)) {
      // A turned bit is for the receiver's checksum to find, which may not have been made yet.
      const header = packet === frame ? whole.subarray(0, offloads) : Buffer.alloc(offloads);
      deliver([{ after, packet }], ended.signal, (one) => send(to, Buffer.concat([header, one])));
    }
  };
  const gone = child.then(({ exitCode }) => {
    if (!ended.signal.aborted) throw new Error(`the wire of ${mac} ended with ${exitCode}`);
  });
  gone.catch(() => {});
  await Promise.race([once(child.stdout, "data"), gone]);
  frames(child.stdout, (side, frame) => pass(sides[side] ?? "server", frame));
  return {
    set(rules) {
      judge = createJudge(seed, rules);
    },
    lost: () => judge.lost(),
    resets: () => judge.resets(),
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
