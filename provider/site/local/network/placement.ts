import type { Context } from "../../../kernel/context.ts";
import { networkErrors } from "./errors.ts";
import type { Card } from "./network.ts";
import type { OneNetwork } from "./one.ts";

/**
 * In which network a card is: where its Interface says it is, where its address is, or, of a card that no Interface
 * describes, where it asked. A site's only network has them all.
 */
export function placement(
  all: readonly OneNetwork[],
  heard: (mac: string) => OneNetwork | undefined,
): (ctx: Context, card: Card) => Promise<OneNetwork> {
  const networks = all.map(({ facts }) => facts.name).join(", ");
  const only = all.length === 1 ? all[0] : undefined;
  const named = (name: string) => {
    const one = all.find(({ facts }) => facts.name === name);
    if (one || (only && only.facts.name === undefined)) return one ?? (only as OneNetwork);
    throw networkErrors.make("NETWORK_UNKNOWN", { name, networks });
  };
  return async (ctx, { mac, address, physicalNetwork }) => {
    if (physicalNetwork !== undefined) return named(physicalNetwork);
    if (only) return only;
    const ranges = address === undefined ? [] : await Promise.all(all.map((one) => one.range(ctx)));
    const holder = all.find((_, index) => address !== undefined && ranges[index]?.holds(address));
    const before = holder ?? heard(mac) ?? (await admittedTo(all, mac));
    if (before) return before;
    // Its address may be of one that is down, and of which nothing is known then: that one's words are the better ones.
    const unknown = all.find((_, index) => address !== undefined && ranges[index] === undefined);
    if (unknown) await unknown.known(ctx);
    throw networkErrors.make("NETWORK_NOT_CHOSEN", { mac, networks });
  };
}

/** Where it was admitted before: the helper may be another one by now. */
async function admittedTo(all: readonly OneNetwork[], mac: string): Promise<OneNetwork | undefined> {
  for (const one of all) if ((await one.addressOf(mac)) !== undefined) return one;
  return undefined;
}
