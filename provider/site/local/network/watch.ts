import type { Context } from "../../../kernel/context.ts";
import type { NetworkState } from "../../site.ts";
import type { KeptNetwork } from "./life.ts";
import { readLinks } from "./link.ts";

/** How soon it is noticed that an interface went or came; ms. */
const pace = 3_000;

/** Looks after the networks of a site. */
export interface Watch {
  /** From now on; asked twice does no harm. */
  readonly begin: () => void;
  /** As they were at the last look. */
  readonly states: () => Promise<readonly NetworkState[]>;
  /** Ends, and answers when the last look is over. */
  readonly stop: () => Promise<void>;
}

export function watchNetworks(own: Context, all: readonly KeptNetwork[]): Watch {
  const end = new AbortController();
  const ctx: Context = { ...own, signal: AbortSignal.any([own.signal, end.signal]) };
  let first: Promise<void> | undefined;
  let running: Promise<void> | undefined;
  const look = async () => {
    const links = await readLinks(ctx);
    await Promise.all(all.map((one) => one.look(links)));
  };
  async function goOn(): Promise<void> {
    await first;
    while (!ctx.signal.aborted) {
      await ctx.clock.sleep(pace, ctx.signal);
      await look();
    }
  }
  const begin = () => {
    first ??= look().catch(() => {});
    running ??= goOn().catch((error: unknown) => {
      if (!ctx.signal.aborted)
        own.log.error("the networks are looked after no more", { reason: String(error) });
    });
  };
  return {
    begin,
    async states() {
      begin();
      await first;
      return all.map((one) => one.state());
    },
    async stop() {
      end.abort(new Error("the networks are closed"));
      await running;
    },
  };
}
