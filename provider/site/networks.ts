import { z } from "zod";
import type { Fault } from "../kernel/rules.ts";
import { ipv4 } from "../resources/fields.ts";
import { parseCidr } from "../services/dnsmasq/cidr.ts";
import { type DhcpMode, dhcpModes } from "../services/dnsmasq/mode.ts";

export const cidr = z.cidrv4({ error: 'Expected a network, as in "10.99.0.0/24"' });
export const interfaceName = z
  .string()
  .regex(/^[\w.@-]{1,15}$/, 'Expected the name of a network interface, as in "eth1"');

/** One of several provisioning networks of a site, on an interface of its own. */
export const ProvisioningNetwork = z.strictObject({
  interface: interfaceName.meta({ description: "Its interface on the helper's host." }),
  name: z
    .string()
    .regex(/^[\w.-]{1,40}$/, 'Expected a name, as in "rack-2"')
    .optional()
    .meta({
      description: "What an Interface's `physicalNetwork` calls it. Default: the name of its interface.",
    }),
  cidr: cidr.optional().meta({ description: "The servers' network. Default: the interface's own." }),
  advertise: ipv4.optional().meta({
    description:
      "This host's address that servers of this network are told: for files, and for port 10000. Default: the interface's own in `cidr`.",
  }),
  router: ipv4.optional().meta({ description: "As the site's `router`, of this network." }),
  dhcp: z.enum(dhcpModes).optional().meta({ description: "Whose DHCP it is. Default: the site's `dhcp`." }),
});

interface Given {
  readonly interface?: string | undefined;
  readonly network?: string | undefined;
  readonly address?: string | undefined;
  readonly router?: string | undefined;
  readonly dhcp: DhcpMode;
  readonly networks?: readonly z.output<typeof ProvisioningNetwork>[] | undefined;
}

/** A provisioning network as the site works with it, whichever way the settings said it. */
export interface SiteNetwork {
  /** Undefined for the one network of a site that has only one. */
  readonly name?: string;
  readonly interface?: string | undefined;
  readonly cidr?: string | undefined;
  /** Ours on it. */
  readonly address?: string | undefined;
  readonly router?: string | undefined;
  readonly dhcp: DhcpMode;
}

/** The networks of a site: those of the list, or the one that the site's own fields describe. */
export function networksOf(settings: Given): readonly [SiteNetwork, ...SiteNetwork[]] {
  const { interface: own, network, address, router, dhcp, networks = [] } = settings;
  const [first, ...others] = networks.map(({ advertise, ...one }) => ({
    ...{ ...one, name: one.name ?? one.interface, address: advertise, dhcp: one.dhcp ?? dhcp },
  }));
  return first ? [first, ...others] : [{ interface: own, cidr: network, address, router, dhcp }];
}

/** What is wrong with the list as such, all of it. */
export function networkFaults(settings: Given): readonly Fault[] {
  const { networks } = settings;
  if (networks === undefined) return [];
  const short = (["interface", "network", "address", "router"] as const).filter(
    (field) => settings[field] !== undefined,
  );
  return [
    ...short.map((field) => ({
      path: [field],
      message: "It describes the only network of a site: with `networks`, it belongs into their list",
    })),
    ...networks.flatMap((one, index) => faultsOf(one, networks.slice(0, index), ["networks", index])),
  ];
}

type Listed = z.output<typeof ProvisioningNetwork>;

function faultsOf(one: Listed, before: readonly Listed[], path: Fault["path"]): readonly Fault[] {
  const nameOf = (listed: Listed) => listed.name ?? listed.interface;
  const faults: Fault[] = [];
  const at = (field: string, message: string) => void faults.push({ path: [...path, field], message });
  if (before.some((other) => other.interface === one.interface)) {
    at("interface", `${one.interface} is the interface of another network of the list`);
  } else if (before.some((other) => nameOf(other) === nameOf(one))) {
    at("name", `${nameOf(one)} is the name of another network of the list`);
  }
  const twin = before.find((other) => other.cidr && one.cidr && overlap(other.cidr, one.cidr));
  if (twin) at("cidr", `${one.cidr} overlaps ${twin.cidr}, the network of ${twin.interface}`);
  return faults;
}

/** Whether two networks have an address in common; words that are none have none. */
export function overlap(one: string, other: string): boolean {
  try {
    const [a, b] = [parseCidr(one), parseCidr(other)];
    return a.network <= b.broadcast && b.network <= a.broadcast;
  } catch {
    return false; // told of its own field
  }
}
