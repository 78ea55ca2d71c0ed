import { type Context, newContext } from "../../kernel/context.ts";
import { resources } from "../../resources/index.ts";
import type { CollectionName } from "../../resources/resource.ts";
import { type Asked, digestOf } from "../ahead/asked.ts";
import type { Ahead, Asker, Collection, Known, Plan } from "../site.ts";
import { type AskedStore, createMemory, recent } from "./ahead-memory.ts";

type Collections = Readonly<Record<CollectionName, Collection>>;

/**
 * What clients of other hosts ask plans for is remembered by stack. Asked ahead, the same requests are planned anew, from
 * the records as they are, in a run of their own, which leaves nothing behind in the one that asks.
 */
export function createAhead(
  plain: Collections,
  store: AskedStore,
): {
  readonly ahead: Ahead;
  readonly collections: Collections;
  /** Keep what is not kept yet. */
  readonly close: () => Promise<void>;
} {
  const memory = createMemory(store);
  const shown = new Map<string, ReadonlyMap<string, Asked>>();

  const around = (collection: CollectionName): Collection => ({
    ...plain[collection],
    async plan(ctx, ref, spec, known = {}) {
      const far = isFar(known) && !known.unknown?.length;
      if (far) await memory.remember({ collection, ref, spec, known });
      return plain[collection].plan(ctx, ref, spec, known);
    },
    async ensure(ctx, ref, spec, known = {}) {
      const state = await plain[collection].ensure(ctx, ref, spec, known);
      if (isFar(known)) await memory.made({ collection, ref, spec });
      return state;
    },
    async remove(ctx, ref, known) {
      await plain[collection].remove(ctx, ref, known);
      await memory.removed(collection, ref);
    },
  });
  const planned = ({ collection, ref, spec, known }: Asked, { run, dryRun }: Asker, { signal }: Signalled) =>
    plain[collection].plan(newContext({ signal }), ref, spec, { ...known, run, dryRun });

  const ahead: Ahead = {
    async look(ctx, asker) {
      const all = new Map(await memory.of(asker.owner));
      recent(shown, runOf(asker), () => all);
      const rehearsed = { ...asker, run: `${asker.run} ahead` };
      const plans: { key: string; digest: string; plan: Plan }[] = [];
      for (const [key, asked] of all) {
        // What was kept by another version may not be a request any more. Who still asks for it hears why.
        const plan = await planned(asked, rehearsed, ctx).catch(() => undefined);
        ctx.signal.throwIfAborted();
        if (plan && mayBeGivenOut(asked, plan)) plans.push({ key, digest: digestOf(asker.run, asked), plan });
      }
      return plans;
    },
    async used(ctx, asker, keys) {
      const all = shown.get(runOf(asker));
      for (const key of keys) {
        const asked = all?.get(key);
        if (asked) await planned(asked, asker, ctx);
      }
    },
  };
  const names = Object.keys(resources) as CollectionName[];
  return {
    ahead,
    collections: Object.fromEntries(names.map((name) => [name, around(name)])) as unknown as Collections,
    close: memory.close,
  };
}

type Signalled = Pick<Context, "signal">;

/** Only who is far away profits; a program of this host tells its folder. */
const isFar = ({ run, folder }: Known) => run !== undefined && folder === undefined;

const runOf = ({ owner, run, dryRun }: Asker) => `${owner} ${run} ${dryRun}`;

/** What does something, or is to be refused, is asked for by itself, when its turn comes. */
function mayBeGivenOut({ collection }: Asked, { effect, failures, lost, mayErase }: Plan): boolean {
  if (failures.length > 0 || lost || mayErase) return false;
  return collection !== "instances" || effect === "none";
}
