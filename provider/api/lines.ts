import { PassThrough } from "node:stream";
import type { FastifyReply } from "fastify";
import { type Context, newContext } from "../kernel/context.ts";
import { toRecord } from "../kernel/errors.ts";
import type { Logger } from "../kernel/log.ts";
import { PartlyDone } from "../site/site.ts";
import type { Line } from "../site/wire.ts";
import { refusalOf, refuses } from "./refusals.ts";

/**
 * Answer with lines of JSON while `body` works. The status is told with the first of them: what is found not to
 * be right, or not for this token, before that is refused. A client that goes away ends only its own waiting.
 */
export async function answerLines(
  reply: FastifyReply,
  log: Logger,
  body: (ctx: Context, say: (line: Line) => void) => Promise<unknown>,
): Promise<FastifyReply> {
  const stream = new PassThrough();
  const gone = new AbortController();
  let begin = (_refused?: unknown) => {};
  const begun = new Promise<unknown>((resolve) => {
    begin = resolve;
  });
  const say = (line: Line) => {
    if (!stream.destroyed) stream.write(`${JSON.stringify(line)}\n`);
    begin();
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
  body(ctx, say).then(
    (result) => {
      say({ result: result ?? null });
      stream.end();
    },
    (error) => {
      if (!gone.signal.aborted) log.warn("a request failed", { reason: String(error) });
      if (refuses(error)) begin(error);
      say(
        error instanceof PartlyDone
          ? { error: error.record, state: error.state }
          : { error: toRecord(error) },
      );
      stream.end();
    },
  );
  const refused = await begun;
  if (refused !== undefined) throw refusalOf(refused);
  return reply.header("content-type", "application/x-ndjson").send(stream);
}
