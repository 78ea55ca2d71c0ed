import type { Context } from "../../../kernel/context.ts";
import { MetalError } from "../../../kernel/errors.ts";
import { toMs } from "../../../kernel/units.ts";
import type { Rules } from "./manners.ts";

// One that answers, be it late or now and then, is worth more patience than one that is silent.
const heard = ["POWER_LATE", "POWER_PACKET_LOSS", "POWER_NO_SESSION", "POWER_BUSY"];
const longestPause = 8;

/** Do it a few times, as long as it fails in a way known to pass and is not believed at once. Never for a refused login. */
export async function insist<T>(
  { tries, backoff }: Pick<Rules, "tries" | "backoff">,
  ctx: Context,
  body: () => Promise<T>,
  believed: readonly string[] = [],
): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof MetalError) || !error.retry || believed.includes(error.code)) throw error;
      if (tried >= (heard.includes(error.code) ? 2 : 1) * tries) throw error;
      ctx.log.info("the power controller is asked again", { code: error.code, tried });
      await ctx.clock.sleep(toMs(backoff) * Math.min(2 ** (tried - 1), longestPause), ctx.signal);
    }
  }
}
