import { type Context, LimitReached, newContext, until, within } from "../../../kernel/context.ts";
import { MetalError } from "../../../kernel/errors.ts";
import { networksOf } from "../../networks.ts";
import type { SiteSettings } from "../../settings.ts";
import { networkErrors } from "./errors.ts";
import { type KeptNetwork, keepServed } from "./life.ts";
import { isLinkFault } from "./link.ts";
import type { Card, Network } from "./network.ts";
import { type OneNetwork, openOne } from "./one.ts";
import { placement } from "./placement.ts";
import type { OneOptions } from "./serving.ts";
import { watchNetworks } from "./watch.ts";

type Shared = Omit<OneOptions, "network" | "settings" | "asked">;

/** How long a network whose interface is away is waited for by what needs it now. */
const patience = "2 minutes";

/** The provisioning networks of these settings. Nothing is started before `open`. */
export function openNetwork(
  own: Context,
  { settings, asked, ...shared }: { readonly settings: SiteSettings } & Shared & Pick<OneOptions, "asked">,
): Network {
  /** By which network a card asked last: where it is, if nobody says so. */
  const heard = new Map<string, OneNetwork>();
  const all: readonly KeptNetwork[] = networksOf(settings).map((network, index) => {
    const one = openOne(own, {
      ...{ ...shared, settings, network },
      asked: (mac, vendorClass) => {
        heard.set(mac, all.find(({ facts }) => facts === network) as OneNetwork);
        asked(mac, vendorClass);
      },
    });
    return keepServed(own, one, (ctx) => refuseOverlap(ctx, one, all.slice(0, index)));
  });
  // A site that nobody described yet has none to look after.
  const described = all.filter(({ facts }) => facts.interface ?? facts.cidr);
  const watch = watchNetworks(own, described);
  const place = placement(all, (mac) => heard.get(mac));
  const by = async (ctx: Context, cards: readonly Card[]) => {
    const placed = new Map<KeptNetwork, Card[]>();
    for (const card of cards) {
      const one = (await place(ctx, card)) as KeptNetwork;
      placed.set(one, [...(placed.get(one) ?? []), card]);
    }
    return placed;
  };
  const theirs = async (ctx: Context, cards: readonly Card[]): Promise<KeptNetwork | undefined> => {
    const [first, second] = [...(await by(ctx, cards)).keys()];
    if (!first || !second) return first;
    const names = { one: first.facts.name ?? "", other: second.facts.name ?? "" };
    throw networkErrors.make("NETWORK_CARDS_APART", {
      macs: cards.map(({ mac }) => mac).join(", "),
      ...names,
    });
  };

  return {
    async ranges(ctx) {
      const found = await Promise.all(all.map((one) => one.range(ctx)));
      return found.filter((range) => range !== undefined);
    },
    async together(ctx, cards) {
      await theirs(ctx, cards);
    },
    async serving(ctx, cards) {
      const one = (await theirs(ctx, cards)) ?? (all[0] as KeptNetwork);
      const { address, cidr } = await one.known(ctx);
      const { dhcp, router } = one.facts;
      return { address, cidr, dhcp, router };
    },
    async problems(ctx, cards) {
      try {
        const one = await theirs(ctx, cards);
        if (one) return await one.problems(ctx);
      } catch (error) {
        if (error instanceof MetalError) return [error];
        throw error;
      }
      // Where it will be is open: only what keeps it from being anywhere is in its way.
      const found = await Promise.all(all.map((one) => one.problems(ctx)));
      return found.some((faults) => faults.length === 0) ? [] : found.flat();
    },
    async open(ctx, cards = []) {
      watch.begin();
      // At once: each looks for other DHCP servers first, which takes a while.
      if (cards.length === 0) return anyOf(all.map((one) => one.open(ctx)));
      const needed = await by(ctx, cards);
      const aside = newContext({ log: own.log, signal: own.signal });
      for (const one of all) if (!needed.has(one)) void one.open(aside).catch(() => {}); // its state tells
      await Promise.all([...needed.keys()].map((one) => waitFor(ctx, one)));
    },
    states: watch.states,
    async admit(ctx, cards) {
      for (const [one, here] of await by(ctx, cards)) {
        await one.admit(ctx, here);
        // It may have been in another one before.
        const macs = here.map(({ mac }) => mac);
        for (const other of all) if (other !== one) await other.dismiss(ctx, macs);
      }
    },
    async notAdmitted(ctx, cards) {
      const found = [...(await by(ctx, cards))].map(([one, here]) => one.notAdmitted(ctx, here));
      return (await Promise.all(found)).flat();
    },
    async dismiss(ctx, macs) {
      for (const one of all) await one.dismiss(ctx, macs);
    },
    async addressOf(mac) {
      const found = await Promise.all(all.map((one) => one.addressOf(mac)));
      return found.find((address) => address !== undefined);
    },
    async macOf(ctx, address) {
      const { neighbourMac } = await import("../../../services/dnsmasq/neighbour.ts");
      return neighbourMac(ctx, address);
    },
    async close() {
      await watch.stop();
      await Promise.all(all.map((one) => one.close()));
    },
  };
}

/** Wait for all; throws the first failure where none succeeds. */
async function anyOf(opening: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(opening);
  const failed = outcomes.filter((outcome) => outcome.status === "rejected");
  if (failed.length === outcomes.length) throw failed[0]?.reason;
}

/** Have its network served, waiting for one whose interface is away: it comes up late after a start of the host. */
async function waitFor(ctx: Context, one: KeptNetwork): Promise<void> {
  let fault: unknown;
  const opens = async (inner: Context) => {
    try {
      await one.open(inner);
      return true;
    } catch (error) {
      if (!(error instanceof MetalError) || !isLinkFault(error)) throw error;
      fault = error;
      const stage = `waiting for the network ${one.state().name}`;
      ctx.report({ stage, note: `${error.record.text}; ${error.record.remedy}` });
      return false;
    }
  };
  try {
    await within(ctx, patience, (inner) => until(inner, "2 seconds", opens));
  } catch (error) {
    throw error instanceof LimitReached && !ctx.signal.aborted ? fault : error;
  }
}

/** Whether what the interfaces have overlaps: of what the settings say, they were told. The first of the list is served. */
async function refuseOverlap(ctx: Context, one: OneNetwork, before: readonly OneNetwork[]): Promise<void> {
  if (before.length === 0) return;
  const { overlap } = await import("../../networks.ts");
  const { cidr: otherCidr } = await one.known(ctx);
  for (const { facts, range } of before) {
    const cidr = (await range(ctx))?.cidr;
    if (cidr === undefined || !overlap(cidr, otherCidr)) continue;
    const names = { one: facts.name ?? "", other: one.facts.name ?? "" };
    throw networkErrors.make("NETWORK_OVERLAP", { ...names, cidr, otherCidr });
  }
}
