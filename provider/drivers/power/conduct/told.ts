import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { toMs } from "../../../kernel/units.ts";
import type { Told } from "../driver.ts";
import { insist } from "./insist.ts";
import { plain, unlessUnknown } from "./look.ts";
import { once, type Server } from "./server.ts";

/** The state as the controller tells it now. */
const stateNow = (server: Server, ctx: Context): Promise<Told> =>
  insist(server.rules, ctx, () => once(server, ctx, "state", server.driver.state));

/** The same, asked once, or why it is unknown. */
export const lookOnce = (server: Server, ctx: Context) =>
  unlessUnknown(() => once(server, ctx, "state", server.driver.state));

/** The state for who is about to change it: undefined where only a person knows it, and has not said. */
export async function stateToChange(server: Server, ctx: Context): Promise<Told | undefined> {
  try {
    return await stateNow(server, ctx);
  } catch (error) {
    if (!isUnconfirmed(server, error)) throw error;
    return undefined;
  }
}

/** The state; where only a person knows it, and has not said, they are asked, and waited for as long as for a change. */
export async function stateTold(server: Server, ctx: Context): Promise<"on" | "off"> {
  const { driver, rules } = server;
  try {
    return plain(await stateNow(server, ctx));
  } catch (error) {
    if (!isUnconfirmed(server, error) || !driver.ask) throw error;
    await once(server, ctx, "ask", driver.ask);
  }
  const deadline = ctx.clock.now() + toMs(rules.limit);
  for (;;) {
    const { state, reason } = await lookOnce(server, ctx);
    if (state !== "unknown") return plain(state);
    if (ctx.clock.now() + toMs(rules.poll) > deadline || !isUnconfirmed(server, reason)) throw reason;
    await ctx.clock.sleep(toMs(rules.poll), ctx.signal);
  }
}

const isUnconfirmed = ({ driver }: Server, error: unknown): boolean =>
  driver.ask !== undefined && hasCode(error, "POWER_UNCONFIRMED");
