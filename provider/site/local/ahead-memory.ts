import type { CollectionName } from "../../resources/resource.ts";
import { type Asked, digestOf, keyOf } from "../ahead/asked.ts";
import type { Ref } from "../site.ts";
import type { Store } from "./store/index.ts";

export type AskedStore = Pick<Store, "askedBy" | "keepAsked">;

/** Stacks, and runs, that are in memory: the helper may live for weeks. */
const most = 64;
/** A run asks for hundreds of plans: what is new of them is kept together. */
const pauseMs = 2_000;

/** The requests that a stack is likely to make in its next run, by key, in the order of the last one. */
type Requests = Map<string, Asked>;

export interface Memory {
  readonly of: (owner: string) => Promise<ReadonlyMap<string, Asked>>;
  readonly remember: (asked: Asked) => Promise<void>;
  /** It is as this says now, which is what the next run will know of it. */
  readonly made: (made: Omit<Asked, "known">) => Promise<void>;
  readonly removed: (collection: CollectionName, ref: Ref) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** In memory, and in the store soon after: it outlives the helper, and is worth no wait and no failure. */
export function createMemory(store: AskedStore): Memory {
  const stacks = new Map<string, Promise<Requests>>();
  const stale = new Map<string, Requests>();
  let timer: NodeJS.Timeout | undefined;
  let keeping: Promise<void> = Promise.resolve();

  const load = async (owner: string): Promise<Requests> => {
    try {
      return new Map((await store.askedBy(owner)).map((asked) => [keyOf(asked), asked]));
    } catch {
      return new Map();
    }
  };
  const of = (owner: string) => recent(stacks, owner, () => load(owner));
  const keep = () => {
    clearTimeout(timer);
    timer = undefined;
    const all = [...stale];
    stale.clear();
    keeping = keeping.then(async () => {
      for (const [owner, requests] of all)
        await store.keepAsked(owner, [...requests.values()]).catch(() => {});
    });
    return keeping;
  };
  const changed = (owner: string, requests: Requests) => {
    stale.set(owner, requests);
    timer ??= setTimeout(keep, pauseMs).unref();
  };
  const put = (all: Requests, asked: Asked) => {
    const key = keyOf(asked);
    const before = all.get(key);
    all.delete(key); // to the end: in the order of the last run
    all.set(key, asked);
    const same = before !== undefined && digestOf("", before) === digestOf("", asked);
    if (!same) changed(asked.ref.owner, all);
  };
  return {
    of,
    async remember(asked) {
      put(await of(asked.ref.owner), asked);
    },
    async made({ collection, ref, spec }) {
      const all = await of(ref.owner);
      const asked = all.get(keyOf({ collection, ref, spec }));
      if (asked === undefined) return;
      // Pulumi will remember what the check before this answered: the program's inputs, and what was computed.
      put(all, { ...asked, known: { ...asked.known, state: { ...asked.spec, ...spec } } });
    },
    async removed(collection, { owner, name }) {
      const all = await of(owner);
      const keys = [...all.keys()].filter((key) => key.startsWith(`${collection}/${name} `));
      for (const key of keys) all.delete(key);
      if (keys.length > 0) changed(owner, all);
    },
    close: keep,
  };
}

/** The value of a key, as the one that was used last; the oldest goes when there are too many. */
export function recent<T>(map: Map<string, T>, key: string, make: () => T): T {
  const value = map.get(key) ?? make();
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete([...map.keys()][0] ?? "");
  return value;
}
