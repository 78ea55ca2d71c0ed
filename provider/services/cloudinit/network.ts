import { isIPv6 } from "node:net";

/** How an interface gets its addresses, in the words of cloud-init's network configuration version 2. */
export interface Addressing {
  readonly dhcp4?: boolean | undefined;
  readonly dhcp6?: boolean | undefined;
  /** With the length of the prefix: `10.0.0.5/24`. */
  readonly addresses?: readonly string[] | undefined;
  readonly routes?: readonly Route[] | undefined;
  readonly nameservers?:
    | { readonly addresses?: readonly string[] | undefined; readonly search?: readonly string[] | undefined }
    | undefined;
  readonly mtu?: number | undefined;
}

interface Route {
  /** `default`, or a network. */
  readonly to: string;
  readonly via: string;
  readonly metric?: number | undefined;
}

export interface Ethernet extends Addressing {
  readonly mac: string;
  readonly name: string;
}

export interface Bond extends Addressing {
  readonly name: string;
  readonly interfaces: readonly string[];
  readonly mode: string;
  readonly primary?: string | undefined;
  readonly lacpRate?: string | undefined;
  readonly transmitHashPolicy?: string | undefined;
  /** Milliseconds. */
  readonly miiMonitorInterval: number;
}

export interface Vlan extends Addressing {
  readonly name: string;
  readonly vlanId: number;
  readonly link: string;
}

export interface Networks {
  readonly ethernets: readonly Ethernet[];
  readonly bonds: readonly Bond[];
  readonly vlans: readonly Vlan[];
}

/**
 * cloud-init's network configuration, version 2. Cards are found by their MAC and get the name that the rest calls them by:
 * without `set-name` the renderers other than netplan take the entry's key for the name of a card that is not there
 * (cloud-init 22.4, net/network_state.py, handle_ethernets).
 */
export function networkConfig({ ethernets, bonds, vlans }: Networks): object {
  const macs = new Map(ethernets.map(({ name, mac }) => [name, mac]));
  return {
    version: 2,
    ...section("ethernets", ethernets, ({ mac, name }) => ({
      match: { macaddress: mac },
      "set-name": name,
    })),
    ...section("bonds", bonds, (bond) => ({
      interfaces: bond.interfaces,
      // systemd would make one up (MACAddressPolicy=persistent), and neither DHCP nor we would know the server by it.
      ...present({ macaddress: macs.get(bond.interfaces[0] ?? "") }),
      parameters: present({
        mode: bond.mode,
        "mii-monitor-interval": bond.miiMonitorInterval,
        primary: bond.primary,
        "lacp-rate": bond.lacpRate,
        "transmit-hash-policy": bond.transmitHashPolicy,
      }),
    })),
    ...section("vlans", vlans, ({ vlanId, link }) => ({ id: vlanId, link })),
  };
}

function section<T extends Addressing & { readonly name: string }>(
  key: string,
  all: readonly T[],
  own: (one: T) => object,
): object {
  if (all.length === 0) return {};
  return { [key]: Object.fromEntries(all.map((one) => [one.name, { ...own(one), ...addressing(one) }])) };
}

function addressing({ dhcp4, dhcp6, addresses, routes = [], nameservers, mtu }: Addressing): object {
  const gateway6 = routes.find(isGateway6);
  return present({
    dhcp4: dhcp4 ?? false,
    dhcp6: dhcp6 ?? false,
    addresses: some(addresses),
    gateway6: gateway6?.via,
    routes: some(routes.filter((route) => route !== gateway6).flatMap(toRoutes)),
    nameservers:
      nameservers && present({ addresses: some(nameservers.addresses), search: some(nameservers.search) }),
    mtu,
  });
}

/*
 * The way to everywhere, as cloud-init 22.4 (Debian 12) understands it: the word `default` stops it, and of `::/0` it makes
 * `::/64` (net/network_state.py, _normalize_net_keys; seen with each of its renderers). `gateway6` is old and heeded by all,
 * but knows no metric: with one, the two halves of all addresses are named.
 */
const isGateway6 = ({ to, via, metric }: Route): boolean =>
  (to === "default" || to === "::/0") && isIPv6(via) && metric === undefined;

function toRoutes({ to, via, metric }: Route): object[] {
  const everywhere = isIPv6(via) ? ["::/1", "8000::/1"] : ["0.0.0.0/0"];
  const all = to === "default" || to === "::/0" ? everywhere : [to];
  return all.map((one) => present({ to: one, via, metric }));
}

const some = <T>(list: readonly T[] | undefined) =>
  list === undefined || list.length === 0 ? undefined : list;

const present = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
