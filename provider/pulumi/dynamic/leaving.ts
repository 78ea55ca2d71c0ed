import type { Context } from "../../kernel/context.ts";
import { toMs } from "../../kernel/units.ts";
import type { Ref, Site } from "../../site/site.ts";

/** The instances that this process waits for, and what it says of them when Pulumi ends it. */
export interface Leaving {
  readonly waiting: <T>(ref: Ref, body: () => Promise<T>) => Promise<T>;
  /** Tell the helper of each that nobody waits for it any more. Never throws: whoever is told to end has to end. */
  readonly leave: (ctx: Context, site: () => Promise<Site>) => Promise<void>;
}

/** A second Ctrl-C interrupts the plugin and kills it 5 s later (facts: pulumi, 1.3). */
const limit = "4 seconds";

export function createLeaving(): Leaving {
  const refs = new Set<Ref>();
  return {
    async waiting(ref, body) {
      refs.add(ref);
      try {
        return await body();
      } finally {
        refs.delete(ref);
      }
    },
    async leave(ctx, site) {
      if (refs.size === 0) return; // every run of Pulumi ends its plugins like this
      const say = async () => {
        const helper = await site();
        const all = [...refs].map(({ owner, name }) =>
          helper.perform(ctx, { kind: "detach", owner, instance: name }),
        );
        await Promise.allSettled(all);
      };
      // Unheard it goes on, which is what a lost connection means too.
      await Promise.race([say(), ctx.clock.sleep(toMs(limit), ctx.signal)]).catch(() => {});
    },
  };
}
