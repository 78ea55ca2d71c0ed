import { isIPv4 } from "node:net";
import { toDotted, toNumber } from "./cidr.ts";

/** The DHCP messages that we write or look for (RFC 2132, option 53). */
export const messages = { discover: 1, offer: 2, release: 7 } as const;

/** The few parts of a DHCP packet that we care for. */
export interface DhcpPacket {
  /** 1 = from a client, 2 = from a server. */
  readonly op: 1 | 2;
  readonly type: number;
  /** 32 bits that tie an answer to its question. */
  readonly xid: number;
  readonly mac: string;
  /** The answer goes to everybody: the asker has no address yet. */
  readonly broadcast?: boolean;
  /** `ciaddr`: the address that the client has. */
  readonly has?: string;
  /** `yiaddr`: the address that it is given. */
  readonly given?: string;
  /** Option 54. */
  readonly server?: string;
  /** Option 61, bytes as hex with colons. */
  readonly clientId?: string;
}

const cookie = 0x63825363;
const optionsAt = 240;

/** The packet as bytes, padded to the 300 that old servers ask for. */
export function encodeDhcp({
  op,
  type,
  xid,
  mac,
  broadcast,
  has,
  given,
  server,
  clientId,
}: DhcpPacket): Buffer {
  const id = clientId === undefined ? [] : bytesOf(clientId);
  const options = [
    [53, 1, type],
    ...(server === undefined ? [] : [[54, 4, ...quad(server)]]),
    ...(id.length === 0 ? [] : [[61, id.length, ...id]]),
    [255],
  ].flat();
  const packet = Buffer.alloc(Math.max(300, optionsAt + options.length));
  packet.set([op, 1, 6, 0]);
  packet.writeUInt32BE(xid >>> 0, 4);
  packet.writeUInt16BE(broadcast ? 0x8000 : 0, 10);
  packet.set(quad(has ?? "0.0.0.0"), 12);
  packet.set(quad(given ?? "0.0.0.0"), 16);
  packet.set(bytesOf(mac), 28);
  packet.writeUInt32BE(cookie, 236);
  packet.set(options, optionsAt);
  return packet;
}

/** Read a packet; undefined for whatever is not DHCP on Ethernet. Never throws: it comes from the network. */
export function decodeDhcp(packet: Buffer): DhcpPacket | undefined {
  if (packet.length < optionsAt || packet.readUInt32BE(236) !== cookie) return undefined;
  const op = packet[0];
  if ((op !== 1 && op !== 2) || packet[1] !== 1 || packet[2] !== 6) return undefined;
  const options = optionsOf(packet);
  const type = options.get(53);
  if (type?.length !== 1) return undefined;
  const server = options.get(54);
  const clientId = options.get(61);
  const has = toDotted(packet.readUInt32BE(12));
  const given = toDotted(packet.readUInt32BE(16));
  return {
    op,
    type: type[0] ?? 0,
    xid: packet.readUInt32BE(4),
    mac: hex(packet.subarray(28, 34)),
    broadcast: (packet.readUInt16BE(10) & 0x8000) !== 0,
    ...(has === "0.0.0.0" ? {} : { has }),
    ...(given === "0.0.0.0" ? {} : { given }),
    ...(server?.length === 4 ? { server: toDotted(server.readUInt32BE(0)) } : {}),
    ...(clientId === undefined || clientId.length === 0 ? {} : { clientId: hex(clientId) }),
  };
}

function optionsOf(packet: Buffer): ReadonlyMap<number, Buffer> {
  const options = new Map<number, Buffer>();
  for (let at = optionsAt; at < packet.length; ) {
    const code = packet[at++];
    if (code === 0) continue;
    const length = packet[at++];
    if (code === undefined || code === 255 || length === undefined || at + length > packet.length) break;
    options.set(code, packet.subarray(at, at + length));
    at += length;
  }
  return options;
}

const hex = (bytes: Buffer) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
const bytesOf = (text: string) => text.split(":").map((pair) => Number.parseInt(pair, 16));

function quad(address: string): readonly number[] {
  if (!isIPv4(address)) throw new TypeError(`not an IPv4 address: ${address}`);
  const value = toNumber(address);
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
}
