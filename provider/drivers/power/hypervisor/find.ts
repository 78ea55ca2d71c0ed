import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { powerErrors } from "../errors.ts";
import type { Kept } from "../kept.ts";
import { canonicalMac, oneSpelling } from "./name.ts";

/** One of the virtual machines of a hypervisor. */
export interface Listed {
  readonly uuid: string;
  readonly name: string;
}

/** How a hypervisor is asked for its machines. */
export interface Lists {
  readonly machines: (ctx: Context) => Promise<readonly Listed[]>;
  /** The MACs of each of them, by UUID. */
  readonly macs: (ctx: Context, uuids: readonly string[]) => Promise<ReadonlyMap<string, readonly string[]>>;
}

/** A list older than this may name machines that have other names by now. */
const fresh = 60_000;
const shown = 20;

const isMac = (text: string) => text.length === 17 && canonicalMac(text) !== undefined;

/** Runs a verb on the machine that is meant, by its UUID: names change, and may look like other things. */
export type OnMachine = <T>(ctx: Context, act: (uuid: string) => Promise<T>) => Promise<T>;

/**
 * Finds the machine of this name, UUID or MAC. The lists are asked once for all servers of a hypervisor and kept for a minute;
 * one in which the machine is not, or is no more, is asked again. POWER_SYSTEM_UNKNOWN.
 */
export function onMachine(address: string, wanted: string, lists: Lists, kept: Kept): OnMachine {
  /** A list, and whether it was asked before. */
  async function ask<T>(ctx: Context, key: string, open: () => Promise<T>): Promise<[T, boolean]> {
    let asked = false;
    const how = {
      async open() {
        asked = true;
        return { at: ctx.clock.now(), list: await open() };
      },
      close: async () => {},
      idle: "1 minute",
    } as const;
    let found = await kept.use(ctx, key, how);
    if (!asked && ctx.clock.now() - found.at >= fresh) {
      await kept.drop(key);
      found = await kept.use(ctx, key, how);
    }
    return [found.list, !asked];
  }

  async function search(ctx: Context) {
    const [machines, old] = await ask(ctx, "machines", () => lists.machines(ctx));
    const named = machines.filter(({ name, uuid }) => oneSpelling(name) === wanted || uuid === wanted);
    if (named.length > 0 || !isMac(wanted)) return { machines, old, found: named };
    const uuids = machines.map(({ uuid }) => uuid);
    const [macs, oldMacs] = await ask(ctx, "macs", () => lists.macs(ctx, uuids));
    const found = machines.filter(({ uuid }) => macs.get(uuid)?.includes(wanted));
    return { machines, old: old || oldMacs, found };
  }

  async function find(ctx: Context): Promise<{ readonly uuid: string; readonly old: boolean }> {
    const { machines, old, found } = await search(ctx);
    const [only, ...others] = found;
    if (only && others.length === 0) return { uuid: only.uuid, old };
    if (old) return await forget().then(() => find(ctx));
    const names = (found.length > 0 ? found : machines).map(({ name }) => name).sort();
    const some = names.slice(0, shown).join(", ") + (names.length > shown ? ", …" : "");
    const known = only ? `that more than once: ${some}` : some || "none at all";
    throw powerErrors.make("POWER_SYSTEM_UNKNOWN", { address, wanted, known });
  }

  async function forget(): Promise<void> {
    for (const key of ["machines", "macs"]) await kept.drop(key);
  }

  return async (ctx, act) => {
    const { uuid, old } = await find(ctx);
    try {
      return await act(uuid);
    } catch (error) {
      // It was removed, and perhaps made anew by the same name. Nothing was done to it, so the verb is not sent twice.
      if (!old || !hasCode(error, "POWER_SYSTEM_UNKNOWN")) throw error;
      await forget();
      return await act((await find(ctx)).uuid);
    }
  };
}
