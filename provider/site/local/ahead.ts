import { newContext } from "../../kernel/context.ts";
import { resources } from "../../resources/index.ts";
import type { CollectionName } from "../../resources/resource.ts";
import { type Asked, digestOf, keyOf } from "../ahead/asked.ts";
import type { Ahead, Asker, Collection, Plan } from "../site.ts";

type Collections = Readonly<Record<CollectionName, Collection>>;

/** Stacks, and runs, of which is remembered what they asked: the helper may live for weeks. */
const most = 64;

/**
 * What clients of other hosts asked plans for, by stack, in memory alone: a declaration holds passwords. Asked ahead, the
 * same requests are planned in a run of their own, which leaves nothing behind in the one that asks.
 */
export function createAhead(plain: Collections): {
  readonly ahead: Ahead;
  readonly collections: Collections;
} {
  const stacks = new Map<string, Map<string, Asked>>();
  const shown = new Map<string, ReadonlyMap<string, Asked>>();

  const remember = (asked: Asked) => {
    const all = recent(stacks, asked.ref.owner, () => new Map<string, Asked>());
    const key = keyOf(asked);
    all.delete(key); // to the end: in the order of the last run
    all.set(key, asked);
  };
  const around = (collection: CollectionName): Collection => ({
    ...plain[collection],
    async plan(ctx, ref, spec, known = {}) {
      // Only who is far away profits; a program of this host tells its folder.
      const far = known.run !== undefined && known.folder === undefined && !known.unknown?.length;
      if (far) remember({ collection, ref, spec, known });
      return plain[collection].plan(ctx, ref, spec, known);
    },
  });
  const planned = ({ collection, ref, spec, known }: Asked, { run, dryRun }: Asker, { signal }: Signalled) =>
    plain[collection].plan(newContext({ signal }), ref, spec, { ...known, run, dryRun });

  const ahead: Ahead = {
    async look(ctx, asker) {
      const all = new Map(stacks.get(asker.owner) ?? []);
      recent(shown, runOf(asker), () => all);
      const rehearsed = { ...asker, run: `${asker.run} ahead` };
      const plans: { key: string; digest: string; plan: Plan }[] = [];
      for (const [key, asked] of all) {
        const plan = await planned(asked, rehearsed, ctx);
        if (mayBeGivenOut(asked, plan)) plans.push({ key, digest: digestOf(asker.run, asked), plan });
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
  };
}

interface Signalled {
  readonly signal: AbortSignal;
}

const runOf = ({ owner, run, dryRun }: Asker) => `${owner} ${run} ${dryRun}`;

/** What does something, or is to be refused, is asked for by itself, when its turn comes. */
function mayBeGivenOut({ collection }: Asked, { effect, failures, lost, mayErase }: Plan): boolean {
  if (failures.length > 0 || lost || mayErase) return false;
  return collection !== "instances" || effect === "none";
}

function recent<T>(map: Map<string, T>, key: string, make: () => T): T {
  const value = map.get(key) ?? make();
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete([...map.keys()][0] ?? "");
  return value;
}
