import { type FileHandle, open } from "node:fs/promises";

const block = 4096;
const zeros = Buffer.alloc(block);
/** How much may be written between two looks at the free space. */
const watchEvery = 64 * 2 ** 20;

/**
 * A file written from front to back that leaves holes where the content is zero. Up to its length on disk its content is
 * always right, so after a crash a transfer may go on from there.
 */
export class SparseSink {
  position: number;
  readonly #file: FileHandle;
  readonly #watch: () => Promise<void>;
  #unwatched = 0;

  constructor(file: FileHandle, position: number, watch: () => Promise<void>) {
    this.#file = file;
    this.position = position;
    this.#watch = watch;
  }

  async write(chunk: Buffer): Promise<void> {
    let dataFrom = -1;
    for (let at = 0; at < chunk.length; ) {
      const next = Math.min(chunk.length, at + block - ((this.position + at) % block));
      const isZero = chunk.compare(zeros, 0, next - at, at, next) === 0;
      if (isZero && dataFrom >= 0) await this.#put(chunk, dataFrom, at);
      if (isZero) dataFrom = -1;
      else if (dataFrom < 0) dataFrom = at;
      at = next;
    }
    if (dataFrom >= 0) await this.#put(chunk, dataFrom, chunk.length);
    this.position += chunk.length;
  }

  /** Throw away what was written. */
  async restart(): Promise<void> {
    await this.#file.truncate(0);
    this.position = 0;
  }

  /** Give the file its length, should it end in a hole, and let the handle go. */
  async close(): Promise<void> {
    try {
      await this.#file.truncate(this.position);
    } finally {
      await this.#file.close();
    }
  }

  /** As `close`, and the bytes are on the disk. */
  async finish(): Promise<void> {
    try {
      await this.#file.truncate(this.position);
      await this.#file.sync();
    } finally {
      await this.#file.close();
    }
  }

  async #put(chunk: Buffer, from: number, to: number): Promise<void> {
    for (let at = from; at < to; ) {
      const { bytesWritten } = await this.#file.write(chunk, at, to - at, this.position + at);
      at += bytesWritten;
    }
    this.#unwatched += to - from;
    if (this.#unwatched < watchEvery) return;
    this.#unwatched = 0;
    await this.#watch();
  }
}

/** Open a file to be written from `position` on; what lies behind is cut off. `watch` may throw when space runs out. */
export async function openSink(
  path: string,
  position: number,
  watch: () => Promise<void>,
): Promise<SparseSink> {
  const file = await open(path, position === 0 ? "w" : "r+");
  try {
    await file.truncate(position);
    return new SparseSink(file, position, watch);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Have a file's bytes on the disk. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
