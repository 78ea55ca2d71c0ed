import type { CollectionName } from "../../../resources/resource.ts";
import type { Ref, State } from "../../site.ts";

/** The part of a store that reads a whole collection, and all that changes one. */
export interface Records<R> {
  readonly all: (collection: CollectionName) => Promise<readonly R[]>;
  readonly put: (collection: CollectionName, record: R) => Promise<void>;
  readonly patch: (collection: CollectionName, name: string, state: State) => Promise<void>;
  readonly drop: (collection: CollectionName, ref: Ref) => Promise<void>;
  readonly moveOwner: (from: string, to: string) => Promise<number | undefined>;
}

/**
 * Answer `all` from memory until a record of that collection changes: the plan of each node looks at every
 * other node, and reading and unsealing a hundred of them took 4 ms each time. Its process owns the store, so nobody
 * else changes records.
 */
export function withLists<R>(store: Records<R>): Records<R> {
  const lists = new Map<CollectionName, Promise<readonly R[]>>();
  const changing = async (collection: CollectionName, change: Promise<void>): Promise<void> => {
    try {
      await change;
    } finally {
      // What was read meanwhile may be from before it.
      lists.delete(collection);
    }
  };
  return {
    all(collection) {
      const known = lists.get(collection);
      if (known !== undefined) return known;
      const reading = store.all(collection);
      lists.set(collection, reading);
      reading.catch(() => lists.delete(collection));
      return reading;
    },
    put: (collection, record) => changing(collection, store.put(collection, record)),
    patch: (collection, name, state) => changing(collection, store.patch(collection, name, state)),
    drop: (collection, ref) => changing(collection, store.drop(collection, ref)),
    async moveOwner(from, to) {
      try {
        return await store.moveOwner(from, to);
      } finally {
        lists.clear();
      }
    },
  };
}
