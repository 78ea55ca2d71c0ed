/** Of which protocol of a network boot a frame is. */
export type Kind = "dhcp" | "tftp" | "call-back" | "iscsi" | "other";

const [tcp, udp] = [6, 17];
const ethernet = 14;

/** An IPv4 packet with ports in a frame. */
export interface Segment {
  readonly kind: Kind;
  readonly protocol: number;
  /** Where the header of UDP or TCP begins in the frame. */
  readonly at: number;
  /** Bytes that the packet carries. */
  readonly payload: number;
}

/** What a frame holds; undefined where that has no ports: ARP, ICMP, IPv6. */
export function segmentIn(frame: Buffer): Segment | undefined {
  if (frame.length < ethernet + 28 || frame.readUInt16BE(12) !== 0x0800) return undefined;
  const [protocol, header] = [frame.readUInt8(ethernet + 9), (frame.readUInt8(ethernet) & 0x0f) * 4];
  const at = ethernet + header;
  if (protocol !== tcp && protocol !== udp) return undefined;
  const kind = kindOf(protocol, [frame.readUInt16BE(at), frame.readUInt16BE(at + 2)]);
  // The length of a packet that is larger than a frame may be 0, as it is still to be cut up.
  const whole = frame.readUInt16BE(ethernet + 2) || frame.length - ethernet;
  const own = protocol === tcp ? (frame.readUInt8(at + 12) >> 4) * 4 : 8;
  return { kind, protocol, at, payload: whole - header - own };
}

function kindOf(protocol: number, ports: readonly number[]): Kind {
  if (protocol === tcp)
    return ports.includes(10_000) ? "call-back" : ports.includes(3_260) ? "iscsi" : "other";
  // TFTP answers from a port of its own for each file: nothing else speaks UDP to a server that boots.
  return ports.some((port) => port === 67 || port === 68) ? "dhcp" : "tftp";
}

/** The two frames by which the ends of a TCP connection learn that it is gone: to where this one goes, and back. */
export function resetsFor(frame: Buffer, { at }: Segment): { readonly there: Buffer; readonly back: Buffer } {
  const [sequence, acknowledged] = [frame.readUInt32BE(at + 4), frame.readUInt32BE(at + 8)];
  return { there: reset(frame, at, false, sequence), back: reset(frame, at, true, acknowledged) };
}

function reset(frame: Buffer, at: number, turned: boolean, sequence: number): Buffer {
  const made = Buffer.alloc(ethernet + 40);
  const put = (to: number, from: number, other: number, length: number) => {
    frame.copy(made, to, turned ? other : from, (turned ? other : from) + length);
    frame.copy(made, to + length, turned ? from : other, (turned ? from : other) + length);
  };
  put(0, 0, 6, 6);
  made.writeUInt16BE(0x0800, 12);
  made.set([0x45, 0, 0, 40, 0, 0, 0, 0, 64, tcp], ethernet);
  put(ethernet + 12, ethernet + 12, ethernet + 16, 4);
  put(ethernet + 20, at, at + 2, 2);
  made.writeUInt32BE(sequence, ethernet + 24);
  // Header of 20 bytes; RST.
  made.set([0x50, 0x04], ethernet + 32);
  made.writeUInt16BE(checksum(made.subarray(ethernet, ethernet + 20)), ethernet + 10);
  const pseudo = Buffer.concat([
    made.subarray(ethernet + 12, ethernet + 20),
    Buffer.from([0, tcp, 0, 20]),
    made.subarray(ethernet + 20),
  ]);
  made.writeUInt16BE(checksum(pseudo), ethernet + 36);
  return made;
}

/** The Internet's (RFC 1071). */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
