import type { Context } from "./context.ts";

/**
 * Work that many ask for at once and that is done once. Whoever goes away leaves it to the others; when the last one has
 * gone it is ended. After it has failed, or ended, the next caller begins anew.
 */
export function shared<T>(work: (ctx: Context) => Promise<T>): (ctx: Context) => Promise<T> {
  let current: { readonly outcome: Promise<T>; readonly end: AbortController; waiting: number } | undefined;
  return async (ctx) => {
    ctx.signal.throwIfAborted();
    if (current === undefined) {
      const end = new AbortController();
      const outcome = work({ ...ctx, signal: end.signal }).finally(() => {
        current = undefined;
      });
      outcome.catch(() => {}); // the last caller may have gone
      current = { outcome, end, waiting: 0 };
    }
    const joined = current;
    joined.waiting += 1;
    let leave = () => {};
    const left = new Promise<never>((_, reject) => {
      leave = () => reject(ctx.signal.reason as Error);
      ctx.signal.addEventListener("abort", leave, { once: true });
    });
    try {
      return await Promise.race([joined.outcome, left]);
    } finally {
      ctx.signal.removeEventListener("abort", leave);
      joined.waiting -= 1;
      if (joined.waiting === 0) joined.end.abort(new Error("nobody waits for it"));
    }
  };
}
