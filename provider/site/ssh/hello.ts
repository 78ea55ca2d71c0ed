import type { Readable } from "node:stream";
import type { ErrorRecord } from "../../kernel/errors.ts";

/**
 * The first line that the command on the host writes; HTTP/2 follows, in which each request is a stream of its own. What a
 * login shell prints before it is passed over.
 */
export type Hello =
  | { readonly version: string; readonly wire?: number; readonly warnings: readonly string[] }
  | { readonly error: ErrorRecord };

const mark = "pulumi-baremetal connect ";

export const helloLine = (hello: Hello): string => `${mark}${JSON.stringify(hello)}\n`;

/** What may come before the hello: a message of the day, an echo in somebody's .bashrc. */
const noise = 64 * 2 ** 10;

/** Read up to the hello and not a byte further; undefined when the stream ends first, or never comes to it. */
export async function readHello(stream: Readable): Promise<Hello | undefined> {
  let read = Buffer.alloc(0);
  let passed = 0;
  for (;;) {
    const piece = (stream.read() as Buffer | null) ?? undefined;
    if (piece === undefined) {
      if (!(await more(stream))) return undefined;
      continue;
    }
    read = Buffer.concat([read, piece]);
    passed += piece.length;
    for (let end = read.indexOf("\n"); end >= 0; end = read.indexOf("\n")) {
      const line = read.subarray(0, end).toString("utf8").trim();
      read = read.subarray(end + 1);
      if (!line.startsWith(mark)) continue;
      if (read.length > 0) stream.unshift(read);
      return JSON.parse(line.slice(mark.length)) as Hello;
    }
    if (passed > noise) return undefined;
  }
}

/** False when there will be none. */
function more(stream: Readable): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (there: boolean) => () => {
      for (const [name, listener] of listeners) stream.off(name, listener);
      resolve(there);
    };
    const listeners = [
      ["readable", done(true)],
      ["end", done(false)],
      ["error", done(false)],
      ["close", done(false)],
    ] as const;
    if (stream.readableEnded || stream.destroyed) return resolve(false);
    for (const [name, listener] of listeners) stream.on(name, listener);
  });
}
