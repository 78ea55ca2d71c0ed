import type { Context } from "../../../kernel/context.ts";
import { allocateAddress } from "../../../services/dnsmasq/address.ts";
import { type Host, listHosts, removeHost, writeHost } from "../../../services/dnsmasq/hosts.ts";
import { leasedAddresses } from "../../../services/dnsmasq/lease.ts";
import type { SiteNetwork } from "../../networks.ts";
import type { Card, Network } from "./network.ts";
import type { Range } from "./range.ts";

/** Which cards one network's DHCP answers. */
export type Hosts = Pick<Network, "admit" | "notAdmitted" | "dismiss" | "addressOf">;

interface HostsOptions {
  readonly network: Pick<SiteNetwork, "dhcp" | "router">;
  /** One file for each card; dnsmasq reads them while it runs. */
  readonly dir: string;
  readonly leaseFile: string;
  readonly range: (ctx: Context) => Promise<Range>;
}

/**
 * Which cards DHCP answers, and with which address. With DHCP of somebody else the files are kept for their use; beside
 * somebody else's they name cards alone: one with an address could be given it by both.
 */
export function openHosts({ network: { dhcp, router }, dir, leaseFile, range }: HostsOptions): Hosts {
  const managed = dhcp === "managed";
  const routers = router === undefined ? [] : [router];
  // One at a time: two cards admitted at once must not be given one address.
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(body: () => Promise<T>): Promise<T> => {
    const mine = turn.then(body);
    turn = mine.catch(() => {});
    return mine;
  };

  async function admitOne(ctx: Context, { mac, name, address }: Card): Promise<void> {
    const hosts = await listHosts(dir);
    const present = hosts.find((host) => host.mac === mac);
    const wanted = dhcp === "proxy" ? undefined : address;
    const kept = dhcp === "proxy" ? undefined : present?.ip;
    if (present && (wanted ?? kept) === present.ip) return;
    const network = managed ? await range(ctx) : undefined;
    const ip = network
      ? allocateAddress(network.cidr, [...taken(hosts, mac, network), ...routers], wanted)
      : wanted;
    await writeHost(dir, { mac, name, ...(ip === undefined ? {} : { ip }) });
  }

  return {
    admit: (ctx, cards) =>
      inTurn(async () => {
        for (const card of cards) await admitOne(ctx, card);
      }),
    async notAdmitted(_, cards) {
      if (dhcp === "external") return [];
      const hosts = await listHosts(dir);
      return cards.flatMap((card) => {
        const host = hosts.find(({ mac }) => mac === card.mac);
        if (!host) return [{ card, text: `the DHCP entry of ${card.mac} is missing` }];
        if (!managed || card.address === undefined || host.ip === card.address) return [];
        return [{ card, text: `the DHCP entry of ${card.mac} gives ${host.ip}, not ${card.address}` }];
      });
    },
    dismiss: (_, macs) =>
      inTurn(async () => {
        for (const mac of macs) await removeHost(dir, mac);
      }),
    async addressOf(mac) {
      const host = (await listHosts(dir)).find((one) => one.mac === mac);
      return host?.ip ?? (managed ? (await leasedAddresses(leaseFile)).get(mac) : undefined);
    },
  };
}

const taken = (hosts: readonly Host[], mac: string, { address }: Range): readonly string[] => [
  address,
  ...hosts.flatMap((host) => (host.mac === mac || host.ip === undefined ? [] : [host.ip])),
];
