import { createHash } from "node:crypto";
import type { Context } from "../../../kernel/context.ts";
import { definePower, type Lent, type PowerDriver } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { guardLogin } from "../login.ts";
import { readRelay, writeRelay } from "./dxp.ts";
import { HungUp, type Line, overLine } from "./line.ts";
import { Iboot, placeOf } from "./settings.ts";
import { ask } from "./text.ts";

/** A device that hung up is asked again after so long, as Ironic did (`[iboot] retry_interval`, one second, up to three times). */
const pause = 500;

/** A Dataprobe iBoot: a relay in the server's mains. It knows neither what boots nor how to ask a system to shut down. */
export const iboot = definePower<typeof Iboot>({
  schema: Iboot,
  controller: (settings) => placeOf(settings).name,
  switches: (settings) => [`relay ${placeOf(settings).relay}`],
  // Its client gave up after ten seconds, too. Between off and on is what lies between them at all controllers: Ironic's five seconds.
  manners: { command: "10 seconds" },
  open(settings, lent) {
    const place = placeOf(settings);
    const talk = talkingTo(settings, lent);
    const dxp = settings.protocol === "dxp";
    const look = (line: Line) =>
      dxp ? readRelay(line, settings, place) : ask(line, settings, place, "look");
    return {
      state: (ctx) => talk(ctx, look, look),
      set: (ctx, to) =>
        talk(
          ctx,
          async (line) => {
            if (dxp) await writeRelay(line, settings, place, to);
            else await ask(line, settings, place, to);
          },
          look,
        ),
    } satisfies PowerDriver;
  },
});

type Talk<T> = (line: Line) => Promise<T>;

/**
 * How a device refuses a login no document tells; it is the one thing left that it can mean by hanging up. So a login which
 * never worked counts as refused where it hangs up twice; one that worked before does not.
 */
function talkingTo(settings: Iboot, { kept, memory }: Lent) {
  const { user = "its password", password } = settings;
  const place = placeOf(settings);
  const address = place.name;
  const guard = guardLogin(memory, [user, password]);
  const key = `iboot ${createHash("sha256")
    .update(JSON.stringify([user, password]))
    .digest("hex")}`;
  const open = async () => ({ worked: false });
  return async <T>(ctx: Context, talk: Talk<T>, look: Talk<unknown>): Promise<T> => {
    if (await guard.wasRefused()) throw powerErrors.make("POWER_LOCKED_OUT", { address, user });
    const login = await kept.use(ctx, key, { open, close: async () => {}, idle: "1 hour" });
    const said = async <A>(what: Talk<A>): Promise<A> => {
      const answer = await overLine(ctx, place, what);
      login.worked = true;
      await guard.accepted();
      return answer;
    };
    try {
      return await said(talk);
    } catch (error) {
      if (!(error instanceof HungUp)) throw error;
      if (!login.worked) await confirm(ctx, () => said(look));
      throw powerErrors.make("POWER_BUSY", { address, reason: "it hangs up at a command" }, { cause: error });
    }
  };

  /** Whether it hangs up on this login each time. */
  async function confirm(ctx: Context, again: () => Promise<unknown>): Promise<void> {
    await ctx.clock.sleep(pause, ctx.signal);
    try {
      await again();
    } catch (error) {
      if (!(error instanceof HungUp)) throw error;
      await guard.refused();
      const reason = "it hangs up when it is given the login";
      throw powerErrors.make("POWER_DENIED", { address, user, reason }, { cause: error });
    }
  }
}
