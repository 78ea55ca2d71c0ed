import { newContext } from "../../../provider/kernel/context.ts";
import { resources } from "../../../provider/resources/index.ts";
import type { CollectionName } from "../../../provider/resources/resource.ts";
import { PartlyDone, type Site, type State } from "../../../provider/site/site.ts";

type Args = Readonly<Record<string, unknown>>;

/** Speaks to a site as Pulumi does, wherever it is, and remembers the states that it was given. */
export interface Speaker {
  /** Plan and ensure. */
  readonly declare: (collection: CollectionName, name: string, args: Args) => Promise<State>;
  readonly remove: (collection: CollectionName, name: string) => Promise<void>;
  readonly digestOf: (collection: CollectionName, name: string) => unknown;
}

const owner = "organization/story/test";

export function speakTo(site: Site): Speaker {
  const memory = new Map<string, State>();
  const known = (key: string) => {
    const state = memory.get(key);
    return state === undefined ? {} : { state };
  };
  return {
    async declare(collection, name, args) {
      const [key, ref] = [`${collection}/${name}`, { owner, name }];
      const spec = resources[collection].inputs.parse({ ...args, name }) as Args;
      const { failures, computed } = await site[collection].plan(newContext(), ref, spec, known(key));
      if (failures.length > 0) throw new Error(failures.map(({ reason }) => reason).join("\n"));
      try {
        const state = await site[collection].ensure(newContext(), ref, { ...spec, ...computed }, known(key));
        memory.set(key, state);
        return state;
      } catch (error) {
        if (error instanceof PartlyDone) memory.set(key, error.state);
        throw error;
      }
    },
    async remove(collection, name) {
      const key = `${collection}/${name}`;
      await site[collection].remove(newContext(), { owner, name }, known(key));
      memory.delete(key);
    },
    digestOf: (collection, name) => memory.get(`${collection}/${name}`)?.["digest"],
  };
}
