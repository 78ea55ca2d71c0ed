import type { Context } from "../../kernel/context.ts";

/** So many at once, the others in the order in which they came. */
export interface Turns {
  /** Wait for a turn, telling what is waited for, and have it while `body` lasts. Ends with the context's signal. */
  readonly take: <T>(ctx: Context, key: string, body: () => Promise<T>) => Promise<T>;
  /** The jobs that wait, in their order. */
  readonly waiting: () => readonly string[];
  /** Give no more turns, or go on giving them. Who has one keeps it. */
  readonly hold: (on: boolean) => void;
  readonly held: () => boolean;
}

export function createTurns(most: number): Turns {
  const waiting: { readonly key: string; readonly go: () => void }[] = [];
  let running = 0;
  let held = false;

  const wait = (ctx: Context, key: string) =>
    new Promise<void>((resolve, reject) => {
      const one = {
        key,
        go() {
          ctx.signal.removeEventListener("abort", stop);
          resolve();
        },
      };
      const stop = () => {
        waiting.splice(waiting.indexOf(one), 1);
        reject(ctx.signal.reason);
      };
      ctx.signal.addEventListener("abort", stop, { once: true });
      waiting.push(one);
    });
  // A place is taken before who waited for it hears of it, so that nobody can slip in between.
  const give = () => {
    while (!held && running < most && waiting.length > 0) {
      running += 1;
      waiting.shift()?.go();
    }
  };

  return {
    async take(ctx, key, body) {
      ctx.signal.throwIfAborted();
      if (held || running >= most) {
        const note = held ? "the helper is being drained" : `${running} deployments are under way`;
        ctx.report({ stage: "waiting for its turn", note });
        await wait(ctx, key);
      } else running += 1;
      try {
        return await body();
      } finally {
        running -= 1;
        give();
      }
    },
    waiting: () => waiting.map(({ key }) => key),
    hold(on) {
      held = on;
      give();
    },
    held: () => held,
  };
}
