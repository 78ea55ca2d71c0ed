import { PassThrough } from "node:stream";
import type { FastifyReply } from "fastify";
import { type Context, newContext } from "../kernel/context.ts";
import { toRecord } from "../kernel/errors.ts";
import { tooFast } from "../kernel/feed.ts";
import type { Logger } from "../kernel/log.ts";
import { PartlyDone } from "../site/site.ts";
import type { Line } from "../site/wire.ts";
import { refusalOf, refuses } from "./refusals.ts";

/** Tell a line; resolves when there is room for the next. */
export type Say = (line: Line) => Promise<void>;

/** Bytes that may wait for a client that does not read. */
const most = 256 * 1024;

/**
 * Answer with lines of JSON while `body` works. The status is told with the first of them: what is found not to
 * be right, or not for this token, before that is refused. A client that goes away ends only its own waiting.
 */
export async function answerLines(
  reply: FastifyReply,
  log: Logger,
  body: (ctx: Context, say: Say) => Promise<unknown>,
): Promise<FastifyReply> {
  const stream = new PassThrough();
  const gone = new AbortController();
  let begin = (_refused?: unknown) => {};
  const begun = new Promise<unknown>((resolve) => {
    begin = resolve;
  });
  let leftOut = 0;
  const write = (line: Line) => void stream.write(`${JSON.stringify(line)}\n`);
  const tell = (line: Line) => {
    begin();
    if (stream.destroyed) return;
    if (leftOut > 0) write({ warning: `${leftOut} messages were left out: ${tooFast}` });
    leftOut = 0;
    write(line);
  };
  // What nobody waits with: the work does not stop because one of those who asked for it does not listen.
  const mention = (line: Line) => {
    if (stream.writableLength < most) tell(line);
    else leftOut += 1;
  };
  reply.raw.once("close", () => {
    gone.abort(new Error("the client went away"));
    stream.destroy();
  });
  const ctx = newContext({
    signal: gone.signal,
    log: {
      ...log,
      warn(text, fields) {
        log.warn(text, fields);
        mention({ warning: text });
      },
    },
    report: (progress) => mention({ progress }),
  });
  const say: Say = (line) => {
    tell(line);
    return roomIn(stream);
  };
  body(ctx, say).then(
    (result) => {
      tell({ result: result ?? null });
      stream.end();
    },
    (error) => {
      if (!gone.signal.aborted) log.warn("a request failed", { reason: String(error) });
      if (refuses(error)) begin(error);
      tell(
        error instanceof PartlyDone
          ? { error: error.record, state: error.state }
          : { error: toRecord(error) },
      );
      stream.end();
    },
  );
  const refused = await begun;
  if (refused !== undefined) throw refusalOf(refused);
  // Nobody is there to be answered any more; fastify would call that a failure of ours.
  if (gone.signal.aborted) return reply.hijack();
  return reply.header("content-type", "application/x-ndjson").send(stream);
}

/** Resolves when what was written has gone on its way, or when nobody is there to read it. */
function roomIn(stream: PassThrough): Promise<void> {
  if (!stream.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const go = () => {
      stream.off("drain", go).off("close", go);
      resolve();
    };
    stream.on("drain", go).on("close", go);
  });
}
