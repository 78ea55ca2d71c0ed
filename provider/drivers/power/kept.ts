import type { Context } from "../../kernel/context.ts";
import { type Duration, toMs } from "../../kernel/units.ts";

/** How something is opened and closed that stays open between calls. */
export interface Opening<T> {
  readonly open: (ctx: Context) => Promise<T>;
  /** Never fails: who cannot be closed any more is left alone. */
  readonly close: (thing: T) => Promise<void>;
  /** Closed when nobody used it for so long. */
  readonly idle: Duration;
}

/** What stays open at one controller between calls: a session, a list that was asked once. Its callers come one at a time. */
export interface Kept {
  /** The one of this key, opened where there is none. */
  readonly use: <T>(ctx: Context, key: string, how: Opening<T>) => Promise<T>;
  /** Close it: it is of no use any more. */
  readonly drop: (key: string) => Promise<void>;
}

/** What is kept open at all controllers of a site. */
export interface Keeper {
  readonly of: (controller: string) => Kept;
  /** Close everything. */
  readonly close: () => Promise<void>;
}

interface Thing {
  readonly value: unknown;
  readonly close: () => Promise<void>;
  readonly idle: number;
  timer: NodeJS.Timeout;
}

/** Nothing open yet. */
export function createKeeper(): Keeper {
  const things = new Map<string, Thing>();
  const drop = async (name: string) => {
    const thing = things.get(name);
    things.delete(name);
    clearTimeout(thing?.timer);
    await thing?.close();
  };
  /** Nobody is kept alive by something that is only kept open. */
  const soon = (name: string, idle: number) => setTimeout(() => void drop(name), idle).unref();
  return {
    of: (controller) => ({
      async use<T>(ctx: Context, key: string, { open, close, idle }: Opening<T>) {
        const name = `${controller}\0${key}`;
        const there = things.get(name);
        if (there) {
          clearTimeout(there.timer);
          there.timer = soon(name, there.idle);
          return there.value as T;
        }
        const value = await open(ctx);
        const ms = toMs(idle);
        things.set(name, { value, close: () => close(value), idle: ms, timer: soon(name, ms) });
        return value;
      },
      drop: (key) => drop(`${controller}\0${key}`),
    }),
    async close() {
      await Promise.all([...things.keys()].map(drop));
    },
  };
}
