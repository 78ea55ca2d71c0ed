import { type Context, dateOf } from "../../kernel/context.ts";
import { type Duration, toMs } from "../../kernel/units.ts";
import { askedAgain, bootsFromNetwork, isToBeAnswered, type Stranger } from "../../workflows/discovery.ts";
import type { State } from "../site.ts";
import { answerStranger } from "./answering.ts";
import { declaredMacs } from "./collections/macs.ts";
import type { Parts } from "./parts.ts";

/** Servers that nobody declared: what is heard of them. Whether one is answered is the setting `discovery`'s to say. */

/** A card that DHCP did not answer asked for an address. Never throws. */
export async function meetStranger(
  own: Context,
  parts: Parts,
  mac: string,
  vendorClass: string,
): Promise<void> {
  const { store, settings } = parts;
  try {
    if (!bootsFromNetwork(vendorClass) || (await declaredMacs(store)).has(mac)) return;
    const at = dateOf(own.clock).toISOString();
    const stranger = askedAgain(await store.stranger(mac), { mac, vendorClass, at });
    await store.keepStranger(stranger);
    if (settings.discovery && isToBeAnswered(stranger)) await answerOnce(own, parts, mac);
  } catch (error) {
    own.log.warn("a card that nobody declared was not noted", { mac, reason: String(error) });
  }
}

/** A job of the site; asked again meanwhile, the same one goes on. */
async function answerOnce(own: Context, parts: Parts, mac: string): Promise<void> {
  const key = `discovery/${mac}`;
  if (parts.jobs.running().includes(key)) return;
  await parts.jobs.run(own, key, "answer", (ctx) => answerStranger(ctx, parts, mac));
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
