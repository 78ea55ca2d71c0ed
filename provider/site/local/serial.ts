import type { ConductedPower } from "../../drivers/power/conduct/index.ts";
import type { ConsoleEnd } from "../../drivers/power/driver.ts";
import { type Context, newContext } from "../../kernel/context.ts";
import type { Console } from "./consoles.ts";

/** A controller that was reset, or a session that broke off, is given this time. */
const pause = 10_000;

/**
 * Write down what a server says on its serial line, where its node asks for that, until the answered function is called;
 * nothing listens any more when that has ended. No failure of it is a failure of what goes on with the server.
 */
export function hearSerial(ctx: Context, power: ConductedPower, console: Console): () => Promise<void> {
  const { console: listen } = power;
  if (!listen) return async () => {};
  const own = new AbortController();
  // Not the context's signal: whatever ends the work calls us, and the session is to be closed in order.
  const inner = newContext({ log: ctx.log, clock: ctx.clock, signal: own.signal });
  const listening = (async () => {
    while (!own.signal.aborted) {
      const { taken, reason } = await heard(listen(inner, console.hear));
      if (own.signal.aborted) return;
      console.say("helper", `no serial console: ${reason}`);
      if (taken) return;
      await ctx.clock.sleep(pause, own.signal).catch(() => {});
    }
  })();
  return async () => {
    own.abort();
    await listening;
  };
}

const heard = (listening: Promise<ConsoleEnd>): Promise<ConsoleEnd> =>
  listening.catch((error: Error) => ({ taken: false, reason: error.message }));
