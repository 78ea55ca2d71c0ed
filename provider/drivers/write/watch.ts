import type { Context } from "../../kernel/context.ts";
import { toMs } from "../../kernel/units.ts";

/** Bytes stood still for longer than allowed. */
export class Stalled extends Error {
  override readonly name = "Stalled";
}

/** Run `body` in a context that ends when `tick` was not called for so long. Leaves no timer or listener behind. */
export async function watched<T>(
  ctx: Context,
  limit: string,
  body: (ctx: Context, tick: () => void) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const cancel = () => own.abort(ctx.signal.reason);
  const timer = setTimeout(() => own.abort(new Stalled(`nothing moved for ${limit}`)), toMs(limit));
  ctx.signal.throwIfAborted();
  ctx.signal.addEventListener("abort", cancel, { once: true });
  try {
    return await body({ ...ctx, signal: own.signal }, () => timer.refresh());
  } catch (error) {
    if (own.signal.aborted) throw own.signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
    ctx.signal.removeEventListener("abort", cancel);
  }
}

/** Turns bytes that were moved into what a person is shown. */
export interface Meter {
  /** 0-100, whole. */
  readonly percent: () => number;
  readonly add: (bytes: number) => void;
}

/** A meter for a stage of `total` bytes: reports at most four times a second, with the rate of the last ten seconds. */
export function newMeter(ctx: Context, stage: string, total: number): Meter {
  let done = 0;
  let seen: { readonly at: number; readonly done: number }[] = [{ at: ctx.clock.now(), done: 0 }];
  const percent = () => (total === 0 ? 100 : Math.min(100, Math.floor((done / total) * 100)));
  ctx.report({ stage, percent: percent() });
  return {
    percent,
    add(bytes) {
      done = Math.min(total, done + bytes);
      const at = ctx.clock.now();
      if (at - (seen.at(-1)?.at ?? 0) < 250 && done < total) return;
      seen = [...seen.filter((point) => at - point.at <= 10_000), { at, done }];
      const first = seen[0] ?? { at, done };
      const rate = at > first.at ? ((done - first.done) * 1_000) / (at - first.at) : 0;
      ctx.report({ stage, percent: percent(), ...(rate > 0 ? { rate, left: (total - done) / rate } : {}) });
    },
  };
}
