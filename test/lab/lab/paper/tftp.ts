import { createSocket } from "node:dgram";
import { once } from "node:events";

// RFC 1350.
const [rrq, data, ack, error] = [1, 3, 4, 5];
const blockSize = 512;
const patience = 1_000;

/** Why a file did not come. */
export class TftpError extends Error {
  override readonly name = "TftpError";
}

/** Read a file by TFTP, or only its first `blocks` blocks of 512 bytes: the rest is declined, as a size query does. */
export async function readTftp(
  host: string,
  file: string,
  signal: AbortSignal,
  blocks = Number.POSITIVE_INFINITY,
): Promise<Buffer> {
  const socket = createSocket("udp4").bind();
  await once(socket, "listening");
  const pieces: Buffer[] = [];
  try {
    let [message, port] = [Buffer.concat([word(rrq), Buffer.from(`${file}\0octet\0`)]), 69];
    while (pieces.length < blocks) {
      const answer = await ask(socket, message, host, port, pieces.length + 1, signal);
      port = answer.port;
      pieces.push(answer.content);
      message = Buffer.concat([word(ack), word(pieces.length)]);
      if (answer.content.length < blockSize) {
        await sent(socket, message, port, host);
        return Buffer.concat(pieces);
      }
    }
    await sent(socket, Buffer.concat([word(error), word(0), Buffer.from("enough\0")]), port, host);
    return Buffer.concat(pieces);
  } finally {
    socket.close();
  }
}

type Socket = ReturnType<typeof createSocket>;

/** Send until the wanted block comes; five times. */
async function ask(
  socket: Socket,
  message: Buffer,
  host: string,
  port: number,
  block: number,
  signal: AbortSignal,
): Promise<{ content: Buffer; port: number }> {
  for (let tries = 0; tries < 5; tries += 1) {
    socket.send(message, port, host);
    const limit = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    try {
      for (;;) {
        const [text, from] = (await once(socket, "message", { signal: limit })) as [Buffer, { port: number }];
        const code = text.readUInt16BE(0);
        if (code === error) throw new TftpError(text.subarray(4).toString("latin1").replace(/\0.*/s, ""));
        if (code === data && text.readUInt16BE(2) === (block & 0xffff)) {
          return { content: text.subarray(4), port: from.port };
        }
      }
    } catch (reason) {
      signal.throwIfAborted();
      if (reason instanceof TftpError) throw reason;
    }
  }
  throw new TftpError(`no answer from ${host}`);
}

/** A socket that is closed drops what it has not sent, and the server would go on sending. */
async function sent(socket: Socket, message: Buffer, port: number, host: string): Promise<void> {
  await new Promise((resolve) => socket.send(message, port, host, resolve));
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value & 0xffff);
  return bytes;
}
