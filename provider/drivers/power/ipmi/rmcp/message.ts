/** A command of IPMI or its answer, as they stand in a datagram (IPMI 2.0, section 13.8). */
export interface Message {
  /** Even for a request, the next odd one for its answer. */
  readonly netFn: number;
  readonly command: number;
  /** 0 to 63: an answer has its request's. */
  readonly sequence: number;
  /** An answer's begins with the completion code. */
  readonly data: Buffer;
}

const controller = 0x20;
const remoteConsole = 0x81;
const sum = (bytes: Buffer) => -bytes.reduce((total, byte) => total + byte, 0) & 0xff;

export function encodeMessage({ netFn, command, sequence, data }: Message): Buffer {
  const answers = netFn % 2 === 1;
  const to = Buffer.from([answers ? remoteConsole : controller, netFn << 2]);
  const from = Buffer.from([answers ? controller : remoteConsole, sequence << 2, command]);
  const second = Buffer.concat([from, data]);
  return Buffer.concat([to, Buffer.from([sum(to)]), second, Buffer.from([sum(second)])]);
}

/** Undefined where a sum is wrong. */
export function decodeMessage(bytes: Buffer): Message | undefined {
  if (bytes.length < 7 || sum(bytes.subarray(0, 3)) !== 0 || sum(bytes.subarray(3)) !== 0) return;
  const [, netFn = 0, , , sequence = 0, command = 0] = bytes;
  return { netFn: netFn >> 2, command, sequence: sequence >> 2, data: bytes.subarray(6, -1) };
}

/** Network functions (IPMI 2.0, table 5-1). */
export const netFns = { app: 0x06 } as const;

/** The data of an answer to this request; undefined for what is none. */
export function answerTo(request: Message, bytes: Buffer | undefined): Buffer | undefined {
  const message = bytes && decodeMessage(bytes);
  const ours =
    message?.netFn === request.netFn + 1 &&
    message.command === request.command &&
    message.sequence === request.sequence;
  return ours && message.data.length > 0 ? message.data : undefined;
}
