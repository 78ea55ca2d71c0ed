import { PassThrough } from "node:stream";
import { type Context, newContext } from "../kernel/context.ts";
import { toRecord } from "../kernel/errors.ts";
import type { Logger } from "../kernel/log.ts";
import { PartlyDone } from "../site/site.ts";
import type { Line } from "../site/wire.ts";

type Reply = {
  send: (stream: PassThrough) => unknown;
  header: (name: string, value: string) => unknown;
  raw: NodeJS.EventEmitter;
};

/** Answer with lines of JSON while `body` works. A client that goes away ends only its own waiting. */
export function answer(reply: Reply, log: Logger, body: (ctx: Context) => Promise<unknown>): unknown {
  const stream = new PassThrough();
  const gone = new AbortController();
  const say = (line: Line) => {
    if (!stream.destroyed) stream.write(`${JSON.stringify(line)}\n`);
  };
  reply.raw.once("close", () => gone.abort(new Error("the client went away")));
  const ctx = newContext({
    signal: gone.signal,
    log: {
      ...log,
      warn(text, fields) {
        log.warn(text, fields);
        say({ warning: text });
      },
    },
    report: (progress) => say({ progress }),
  });
  body(ctx).then(
    (result) => {
      say({ result: result ?? null });
      stream.end();
    },
    (error) => {
      if (!gone.signal.aborted) log.warn("a request failed", { reason: String(error) });
      say(
        error instanceof PartlyDone
          ? { error: error.record, state: error.state }
          : { error: toRecord(error) },
      );
      stream.end();
    },
  );
  reply.header("content-type", "application/x-ndjson");
  return reply.send(stream);
}
