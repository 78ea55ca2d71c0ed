import { isIPv6 } from "node:net";

/** How an interface gets its addresses, in the words of cloud-init's network configuration version 2. */
export interface Addressing {
  readonly dhcp4?: boolean | undefined;
  readonly dhcp6?: boolean | undefined;
  /** With the length of the prefix: `10.0.0.5/24`. */
  readonly addresses?: readonly string[] | undefined;
  readonly routes?:
    | readonly { readonly to: string; readonly via: string; readonly metric?: number | undefined }[]
    | undefined;
  readonly nameservers?:
    | { readonly addresses?: readonly string[] | undefined; readonly search?: readonly string[] | undefined }
    | undefined;
  readonly mtu?: number | undefined;
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
  readonly id: number;
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
  return {
    version: 2,
    ...section("ethernets", ethernets, ({ mac, name }) => ({
      match: { macaddress: mac },
      "set-name": name,
    })),
    ...section("bonds", bonds, (bond) => ({
      interfaces: bond.interfaces,
      parameters: present({
        mode: bond.mode,
        "mii-monitor-interval": bond.miiMonitorInterval,
        primary: bond.primary,
        "lacp-rate": bond.lacpRate,
        "transmit-hash-policy": bond.transmitHashPolicy,
      }),
    })),
    ...section("vlans", vlans, ({ id, link }) => ({ id, link })),
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

function addressing({ dhcp4, dhcp6, addresses, routes, nameservers, mtu }: Addressing): object {
  return present({
    dhcp4: dhcp4 ?? false,
    dhcp6: dhcp6 ?? false,
    addresses: some(addresses),
    routes: some(routes?.map(({ to, via, metric }) => present({ to: destination(to, via), via, metric }))),
    nameservers:
      nameservers && present({ addresses: some(nameservers.addresses), search: some(nameservers.search) }),
    mtu,
  });
}

/** The word `default` is younger than the releases of cloud-init that people run; the prefix is as old as routing. */
const destination = (to: string, via: string): string =>
  to === "default" ? (isIPv6(via) ? "::/0" : "0.0.0.0/0") : to;

const some = <T>(list: readonly T[] | undefined) =>
  list === undefined || list.length === 0 ? undefined : list;

const present = (fields: object): object =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
