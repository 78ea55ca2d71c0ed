import { timingSafeEqual } from "node:crypto";
import { type Keys, sealedBy, unsealedBy } from "./keys.ts";

/** What a datagram of RMCP+ carries (IPMI 2.0, table 13-16). */
export const payloads = {
  ipmi: 0x00,
  openRequest: 0x10,
  openResponse: 0x11,
  rakp1: 0x12,
  rakp2: 0x13,
  rakp3: 0x14,
  rakp4: 0x15,
} as const;
export type Payload = (typeof payloads)[keyof typeof payloads];

/** One datagram of RMCP+. Outside of a session its id and sequence are 0. */
export interface Packet {
  readonly payload: number;
  readonly session: number;
  readonly sequence: number;
  readonly body: Buffer;
}

// RMCP 1.0, sequence 255 (no RMCP acknowledge), class 7 (IPMI): IPMI 2.0, table 13-1.
const rmcp = Buffer.from([6, 0, 0xff, 7]);
const plainFormat = 0;
const plusFormat = 6;
const encrypted = 0x80;
const authenticated = 0x40;
const nextHeader = 7;

/** A datagram of RMCP+ (IPMI 2.0, table 13-8); with keys its body is encrypted and its whole signed. */
export function encodePacket({ payload, session, sequence, body }: Packet, keys?: Keys): Buffer {
  const carried = keys ? sealedBy(keys, body) : body;
  const head = Buffer.alloc(12);
  head[0] = plusFormat;
  head[1] = payload | (keys ? encrypted | authenticated : 0);
  head.writeUInt32LE(session, 2);
  head.writeUInt32LE(sequence, 6);
  head.writeUInt16LE(carried.length, 10);
  if (!keys) return Buffer.concat([rmcp, head, carried]);
  // What is signed is a multiple of four bytes, with the pad's length and the next header.
  const pad = (4 - ((head.length + carried.length + 2) % 4)) % 4;
  const signed = Buffer.concat([head, carried, Buffer.alloc(pad, 0xff), Buffer.from([pad, nextHeader])]);
  return Buffer.concat([rmcp, signed, keys.sign(signed)]);
}

/** Undefined for what is none, or is not signed and encrypted as it has to be: whoever sent it is not whom we talk to. */
export function decodePacket(
  datagram: Buffer,
  keysOf: (session: number) => Keys | undefined,
): Packet | undefined {
  const frame = datagram.subarray(rmcp.length);
  if (!datagram.subarray(0, rmcp.length).equals(rmcp) || frame.length < 12 || frame[0] !== plusFormat) return;
  const type = frame[1] ?? 0;
  const [session, sequence, length] = [frame.readUInt32LE(2), frame.readUInt32LE(6), frame.readUInt16LE(10)];
  const carried = frame.subarray(12, 12 + length);
  if (carried.length < length) return;
  const payload = type & 0x3f;
  if (session === 0)
    return (type & (encrypted | authenticated)) === 0
      ? { payload, session, sequence, body: carried }
      : undefined;
  const keys = keysOf(session);
  if (!keys || (type & encrypted) === 0 || (type & authenticated) === 0) return;
  const end = frame.length - keys.signature;
  if (end < 12 + length + 2) return;
  const [signed, signature] = [frame.subarray(0, end), frame.subarray(end)];
  if (!timingSafeEqual(keys.sign(signed), signature)) return;
  const body = unsealedBy(keys, carried);
  return body && { payload, session, sequence, body };
}

/** A message outside of any session, in the form that IPMI 1.5 and 2.0 share (table 13-8). */
export function encodePlain(message: Buffer): Buffer {
  const head = Buffer.alloc(10);
  head[0] = plainFormat;
  head[9] = message.length;
  return Buffer.concat([rmcp, head, message]);
}

export function decodePlain(datagram: Buffer): Buffer | undefined {
  const frame = datagram.subarray(rmcp.length);
  if (!datagram.subarray(0, rmcp.length).equals(rmcp) || frame.length < 10 || frame[0] !== plainFormat)
    return;
  const message = frame.subarray(10, 10 + (frame[9] ?? 0));
  return message.length === frame[9] ? message : undefined;
}
