import type { Context } from "../../../kernel/context.ts";
import { networksOf } from "../../networks.ts";
import type { SiteSettings } from "../../settings.ts";
import { networkErrors } from "./errors.ts";
import type { Card, Network } from "./network.ts";
import { type OneNetwork, type OneOptions, openOne } from "./one.ts";
import { placement } from "./placement.ts";

type Shared = Omit<OneOptions, "network" | "settings" | "asked">;

/** The provisioning networks of these settings. Nothing is started before `open`. */
export function openNetwork(
  own: Context,
  { settings, asked, ...shared }: { readonly settings: SiteSettings } & Shared & Pick<OneOptions, "asked">,
): Network {
  /** By which network a card asked last: where it is, if nobody says so. */
  const heard = new Map<string, OneNetwork>();
  const all: readonly OneNetwork[] = networksOf(settings).map((network) =>
    openOne(own, {
      ...{ ...shared, settings, network },
      asked: (mac, vendorClass) => {
        heard.set(mac, all.find(({ facts }) => facts === network) as OneNetwork);
        asked(mac, vendorClass);
      },
    }),
  );
  const place = placement(all, (mac) => heard.get(mac));
  const by = async (ctx: Context, cards: readonly Card[]) => {
    const placed = new Map<OneNetwork, Card[]>();
    for (const card of cards) {
      const one = await place(ctx, card);
      placed.set(one, [...(placed.get(one) ?? []), card]);
    }
    return placed;
  };

  return {
    async ranges(ctx) {
      const found = await Promise.all(all.map((one) => one.range(ctx)));
      return found.filter((range) => range !== undefined);
    },
    async serving(ctx, cards) {
      const [first, second] = [...(await by(ctx, cards)).keys()];
      if (first && second) {
        const names = { one: first.facts.name ?? "", other: second.facts.name ?? "" };
        const macs = cards.map(({ mac }) => mac).join(", ");
        throw networkErrors.make("NETWORK_CARDS_APART", { macs, ...names });
      }
      const one = first ?? (all[0] as OneNetwork);
      return { address: (await one.known(ctx)).address, dhcp: one.facts.dhcp };
    },
    async problems(ctx) {
      return (await Promise.all(all.map((one) => one.problems(ctx)))).flat();
    },
    async open(ctx) {
      await refuseOverlap(ctx, all);
      // Each looks for other DHCP servers first, which takes a while.
      await Promise.all(all.map((one) => one.open(ctx)));
    },
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
      await Promise.all(all.map((one) => one.close()));
    },
  };
}

/** Whether what the interfaces have overlaps: of what the settings say, they were told. */
async function refuseOverlap(ctx: Context, all: readonly OneNetwork[]): Promise<void> {
  if (all.length === 1) return;
  const { overlap } = await import("../../networks.ts");
  const ranges = await Promise.all(all.map(async ({ facts, known }) => ({ facts, range: await known(ctx) })));
  for (const [index, { facts, range }] of ranges.entries()) {
    const twin = ranges.slice(0, index).find((other) => overlap(other.range.cidr, range.cidr));
    if (!twin) continue;
    throw networkErrors.make("NETWORK_OVERLAP", {
      ...{ one: twin.facts.name ?? "", cidr: twin.range.cidr },
      ...{ other: facts.name ?? "", otherCidr: range.cidr },
    });
  }
}
