import { constants, performServerHandshake, type ServerHttp2Stream } from "node:http2";
import { Duplex, type Readable, type Writable } from "node:stream";
import { buffer, json } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Context } from "../../kernel/context.ts";
import { MetalError, toRecord } from "../../kernel/errors.ts";
import { octets, type Transport } from "../transport.ts";
import { wireErrors } from "../wire-errors.ts";
import { type Hello, helloLine } from "./hello.ts";
import { flowWindow, hangUp, sessionMemory } from "./link.ts";

export interface Ends {
  readonly stdin: Readable;
  readonly stdout: Writable;
}

/** Say that there will be nothing, and why: the client throws it as its own. */
export const sayFailure = ({ stdout }: Ends, error: unknown): void =>
  void stdout.write(helloLine({ error: toRecord(error) }));

/** The far end of a connection by ssh: hand each request on to the helper of this host, until the client hangs up. */
export function serveLink(
  ctx: Context,
  { stdin, stdout }: Ends,
  hello: Hello,
  helper: Transport,
): Promise<void> {
  stdout.write(helloLine(hello));
  const ends = Duplex.from({ readable: stdin, writable: stdout });
  const settings = { initialWindowSize: flowWindow };
  const session = performServerHandshake(ends, { maxSessionMemory: sessionMemory, settings });
  session.setLocalWindowSize(2 * flowWindow);
  session.on("error", () => {}); // the client's end, whose words it has itself
  session.on("stream", (stream, { ":method": method, ":path": path = "/", "content-type": type }) => {
    const read = type === octets ? buffer : json;
    void handOn(ctx, stream, helper, path, method === "POST" ? read : undefined);
  });
  hangUp(ends, stdin);
  ctx.signal.addEventListener("abort", () => ends.destroy(), { once: true });
  return new Promise((resolve) => session.once("close", resolve));
}

async function handOn(
  ctx: Context,
  stream: ServerHttp2Stream,
  helper: Transport,
  path: string,
  read: ((stream: ServerHttp2Stream) => Promise<unknown>) | undefined,
) {
  const gone = new AbortController();
  stream.once("close", () => gone.abort(new Error("the client went away")));
  stream.on("error", () => {}); // the same, in other words
  try {
    const body = (await read?.(stream)) as object | undefined;
    const answer = await helper.send({ ...ctx, signal: gone.signal }, path, body);
    stream.respond({ ":status": answer.status });
    await pipeline(answer.body, stream);
  } catch (error) {
    if (stream.destroyed) return;
    if (stream.headersSent) return stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    const { message } = error as Error;
    const failure = error instanceof MetalError ? error : wireErrors.make("HELPER_GONE", { reason: message });
    stream.respond({ ":status": 502 });
    stream.end(JSON.stringify({ message, failure: failure.record }));
  }
}
