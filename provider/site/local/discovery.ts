import type { Context } from "../../kernel/context.ts";
import { type Duration, toMs } from "../../kernel/units.ts";
import type { NodeSpec } from "../../resources/index.ts";
import { askedAgain, bootsFromNetwork, type Stranger } from "../../workflows/discovery.ts";
import type { State } from "../site.ts";
import type { NodeState } from "./collections/node-state.ts";
import type { Parts } from "./parts.ts";
import type { Store } from "./store/index.ts";

/** Servers that nobody declared: what is heard of them. Nothing here answers one. */

/** A card that DHCP did not answer asked for an address. Never throws. */
export async function meetStranger(
  own: Context,
  { store }: Parts,
  mac: string,
  vendorClass: string,
): Promise<void> {
  try {
    if (!bootsFromNetwork(vendorClass) || (await declaredMacs(store)).has(mac)) return;
    const at = new Date(own.clock.now()).toISOString();
    await store.keepStranger(askedAgain(await store.stranger(mac), { mac, vendorClass, at }));
  } catch (error) {
    own.log.warn("a card that nobody declared was not noted", { mac, reason: String(error) });
  }
}

/** Cards of servers that are declared, also those that only a ramdisk told of. */
async function declaredMacs(store: Store): Promise<ReadonlyMap<string, string>> {
  const cards = (await store.all("interfaces")).map(({ spec }) => [
    String(spec["mac"]),
    String(spec["node"]),
  ]);
  const own = (await store.all("nodes")).flatMap(({ ref, spec, state }) => {
    const through = (spec as NodeSpec).inspect?.mac;
    const seen = (state as NodeState).hardware?.nics.map(({ mac }) => mac) ?? [];
    return [...(through === undefined ? [] : [through]), ...seen].map((mac) => [mac, ref.name]);
  });
  return new Map([...own, ...cards] as [string, string][]);
}

/** Those that are still undeclared; after having served DHCP for so long, where that is asked for. */
export async function discovered(ctx: Context, parts: Parts, listen?: Duration): Promise<State> {
  if (listen !== undefined) {
    await parts.jobs.run(ctx, "discovery/listen", listen, (inner) => serveFor(inner, parts, listen));
  }
  const { store, settings } = parts;
  const declared = await declaredMacs(store);
  const strangers = (await store.strangers()).filter(({ mac }) => !declared.has(mac));
  return { strangers, dhcp: settings.dhcp };
}

async function serveFor(ctx: Context, { network, store }: Parts, listen: Duration): Promise<State> {
  await network.open(ctx);
  const end = ctx.clock.now() + toMs(listen);
  const told = new Set<string>();
  while (ctx.clock.now() < end) {
    for (const stranger of await store.strangers()) {
      const line = lineOf(stranger);
      if (told.has(line) || Date.parse(stranger.last) < end - toMs(listen)) continue;
      told.add(line);
      ctx.report({ stage: line });
    }
    await ctx.clock.sleep(Math.min(1_000, Math.max(0, end - ctx.clock.now())), ctx.signal);
  }
  return {};
}

const lineOf = ({ mac, vendorClass, hardware }: Stranger): string =>
  hardware ? `${mac} told what it is` : `${mac} asks to boot (${vendorClass})`;
