import type { FastifyReply } from "fastify";
import { type Context, LimitReached, within } from "../../kernel/context.ts";

export const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim().slice(0, 500);

/** One line, and the end of the connection. */
export function say(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type("text/plain").header("connection", "close").send(oneLine(text));
}

/** The site's verdict, which has ten seconds; or, in one line for the caller, that there is none. */
export async function verdictOf<T>(
  ctx: Context,
  judge: () => Promise<T>,
): Promise<T | { readonly ok: false; readonly reason: string }> {
  try {
    return await within(ctx, "10 seconds", (inner) => orAborted(inner, judge()));
  } catch (error) {
    ctx.log.error("a call could not be judged", { reason: String(error) });
    const why = error instanceof LimitReached ? "is busy" : "could not judge this";
    return { ok: false, reason: `the deploy helper ${why}: announce again` };
  }
}

function orAborted<T>({ signal }: Context, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
