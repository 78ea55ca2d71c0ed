import type { Context } from "../../kernel/context.ts";

/** So many at once, the others in the order in which they came. */
export interface Turns {
  /** Wait for a turn, telling what is waited for, and have it while `body` lasts. Ends with the context's signal. */
  readonly take: <T>(ctx: Context, body: () => Promise<T>) => Promise<T>;
}

export function createTurns(most: number): Turns {
  const waiting: (() => void)[] = [];
  let running = 0;

  const wait = (ctx: Context) =>
    new Promise<void>((resolve, reject) => {
      const go = () => {
        ctx.signal.removeEventListener("abort", stop);
        resolve();
      };
      const stop = () => {
        waiting.splice(waiting.indexOf(go), 1);
        reject(ctx.signal.reason);
      };
      ctx.signal.addEventListener("abort", stop, { once: true });
      waiting.push(go);
    });

  return {
    async take(ctx, body) {
      ctx.signal.throwIfAborted();
      if (running >= most) {
        ctx.report({ stage: "waiting for its turn", note: `${running} deployments are under way` });
        await wait(ctx); // whoever ends hands its place over, so nobody can slip in between
      } else running += 1;
      try {
        return await body();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
