import { open } from "node:fs/promises";

/** A file's content piece by piece. All pieces share one buffer: each is valid until the next is asked for. */
export async function* pieces(signal: AbortSignal, path: string): AsyncGenerator<Buffer, void, undefined> {
  const buffer = Buffer.allocUnsafe(2 ** 20);
  const file = await open(path, "r");
  try {
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
