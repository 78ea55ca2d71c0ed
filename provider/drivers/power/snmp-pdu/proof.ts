import { createSocket, type RemoteInfo, type Socket, type SocketType } from "node:dgram";

const sequence = 0x30;
const report = 0xa8;
const authFlag = 0x01;

interface Piece {
  readonly tag: number;
  readonly from: number;
  readonly end: number;
}

/** One piece of BER that lies wholly before `end`. */
function pieceAt(packet: Buffer, at: number, end: number): Piece | undefined {
  const [tag, first] = [packet[at], packet[at + 1]];
  if (tag === undefined || first === undefined) return undefined;
  const digits = first < 0x80 ? 0 : first - 0x80;
  const from = at + 2 + digits;
  if (digits > 4 || from > end) return undefined;
  const length = digits === 0 ? first : packet.readUIntBE(at + 2, digits);
  return from + length > end ? undefined : { tag, from, end: from + length };
}

/** The pieces within a sequence; undefined where it is none. */
function piecesIn(packet: Buffer, whole: Piece | undefined): readonly Piece[] | undefined {
  if (whole?.tag !== sequence) return undefined;
  const pieces: Piece[] = [];
  for (let at = whole.from; at < whole.end; ) {
    const piece = pieceAt(packet, at, whole.end);
    if (piece === undefined) return undefined;
    pieces.push(piece);
    at = piece.end;
  }
  return pieces;
}

/**
 * Whether an SNMPv3 message (RFC 3412, 6) proves who sent it, or is a report, which cannot: by it an agent says that it does not know
 * us. The client checks the proof where a message says that it has one, and takes the others unproven: anybody's on the way.
 */
export function proves(packet: Buffer): boolean {
  const [, header, , data] = piecesIn(packet, pieceAt(packet, 0, packet.length)) ?? [];
  const [, , flags] = piecesIn(packet, header) ?? [];
  if (flags === undefined || flags.end !== flags.from + 1) return false;
  if ((packet.readUInt8(flags.from) & authFlag) !== 0) return true;
  const [, , pdu] = piecesIn(packet, data) ?? [];
  return pdu?.tag === report;
}

/** Sockets on which nothing arrives that proves nothing. */
export const provenOnly = {
  createSocket(type: SocketType): Socket {
    const socket = createSocket(type);
    const on = socket.on.bind(socket) as (event: string, listener: Listener) => Socket;
    const guarded = (event: string, listener: Listener) =>
      on(
        event,
        event === "message"
          ? (packet: Buffer, from: RemoteInfo) => proves(packet) && listener(packet, from)
          : listener,
      );
    return Object.assign(socket, { on: guarded as Socket["on"] });
  },
};

// biome-ignore lint/suspicious/noExplicitAny: each event has arguments of its own
type Listener = (...given: any[]) => unknown;
