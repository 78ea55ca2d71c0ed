import { appendFileSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";

/** One connection of an initiator: when it wrote first and last (milliseconds), how often, how much. */
export interface TargetSession {
  readonly iqn: string;
  readonly number: number;
  readonly opened: number;
  readonly closed: number;
  readonly writes: number;
  readonly bytes: number;
  readonly firstWrite?: number;
  readonly lastWrite?: number;
  /** It was no iSCSI that we can read: then nothing is proven. */
  readonly unread?: string;
}

export interface Front {
  readonly stop: () => Promise<void>;
}

/**
 * Stand in front of a target and write down who wrote when: one line of JSON for each connection, when it ends. `from` is
 * where initiators come to, `to` where the target is.
 */
export async function logTarget(
  iqn: string,
  from: { readonly host: string; readonly port: number },
  to: { readonly host: string; readonly port: number },
  file: string,
): Promise<Front> {
  const open = new Set<Socket>();
  let number = 0;
  const server = createServer((initiator) => {
    number += 1;
    const target = createConnection(to);
    const reader = newReader();
    const opened = performance.now();
    const mine = number;
    open.add(initiator);
    initiator.on("data", (piece) => reader.take(piece, performance.now()));
    initiator.pipe(target);
    target.pipe(initiator);
    initiator.once("close", () => {
      open.delete(initiator);
      target.destroy();
      const session: TargetSession = {
        ...{ iqn, number: mine, opened, closed: performance.now() },
        ...reader.seen(),
      };
      appendFileSync(file, `${JSON.stringify(session)}\n`);
    });
    target.once("close", () => initiator.destroy());
    for (const socket of [initiator, target]) socket.on("error", () => {});
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(from, resolve);
  });
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** SCSI commands that change what lies on a disk (SBC-3): WRITE, WRITE AND VERIFY, WRITE SAME, UNMAP. */
const changing = new Set([0x0a, 0x2a, 0x2e, 0x41, 0x42, 0x8a, 0x8e, 0x93, 0xaa, 0xae]);
const scsiCommand = 0x01;
/** What initiators say (RFC 7143, 11.2.1.2). */
const known = new Set([0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x10]);
const headerLength = 48;

/** Reads an initiator's half of a connection: its headers, over all that lies between them. */
function newReader() {
  let header = Buffer.alloc(0);
  let skip = 0;
  let [writes, bytes] = [0, 0];
  let first: number | undefined;
  let last: number | undefined;
  let unread: string | undefined;

  const read = (pdu: Buffer, now: number) => {
    const opcode = (pdu[0] ?? 0) & 0x3f;
    if (!known.has(opcode)) {
      unread = `an opcode ${opcode}`;
      return;
    }
    const data = pdu.readUIntBE(5, 3);
    skip = (pdu[4] ?? 0) * 4 + Math.ceil(data / 4) * 4;
    if (opcode !== scsiCommand || !changing.has(pdu[32] ?? 0)) return;
    writes += 1;
    bytes += pdu.readUInt32BE(20); // expected data transfer length
    first ??= now;
    last = now;
  };

  return {
    take(piece: Buffer, now: number): void {
      let rest = piece;
      while (rest.length > 0 && unread === undefined) {
        const over = Math.min(skip, rest.length);
        skip -= over;
        rest = rest.subarray(over);
        if (skip > 0 || rest.length === 0) return;
        const part = rest.subarray(0, headerLength - header.length);
        header = Buffer.concat([header, part]);
        rest = rest.subarray(part.length);
        if (header.length < headerLength) return;
        const pdu = header;
        header = Buffer.alloc(0);
        read(pdu, now);
      }
    },
    seen: () => ({
      ...{ writes, bytes },
      ...(first === undefined ? {} : { firstWrite: first }),
      ...(last === undefined ? {} : { lastWrite: last }),
      ...(unread === undefined ? {} : { unread }),
    }),
  };
}
