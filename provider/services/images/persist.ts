import type { Context } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { toMs } from "../../kernel/units.ts";

export interface Patience {
  readonly retries: number;
  readonly pause: string;
}

/**
 * Try, and try again what may succeed later. `progress` tells how far the whole has come: as long as each attempt brings
 * something new, the count of repeats begins anew.
 */
export async function persist<T>(
  ctx: Context,
  { retries, pause }: Patience,
  progress: () => number,
  body: () => Promise<T>,
): Promise<T> {
  let [failures, best] = [0, progress()];
  for (;;) {
    try {
      return await body();
    } catch (error) {
      ctx.signal.throwIfAborted();
      if (!(error instanceof MetalError) || !isPassing(error)) throw error;
      failures = progress() > best ? 1 : failures + 1;
      best = Math.max(best, progress());
      if (failures > retries) throw error;
      ctx.log.warn("image transfer is tried again", { reason: error.record.text, failures });
      await ctx.clock.sleep(Math.min(30_000, toMs(pause) * 2 ** (failures - 1)), ctx.signal);
    }
  }
}

const isPassing = ({ code }: MetalError) => code === "IMAGE_UNREACHABLE" || code === "IMAGE_TRUNCATED";
