import { parseCidr } from "../cidr.ts";
import { bootLoaders } from "../loaders.ts";
import { type ExternalSettings, fixedOf, hex, isFirst } from "./settings.ts";

/**
 * For `kea-dhcp4.conf`. A class is of all subnets, and what it says goes before theirs: so it has the file alone, and each
 * subnet its own `next-server`, as GRUB fetches its menu from there too.
 */
export function keaLines(settings: ExternalSettings): string {
  const { network, address, hosts, among } = settings;
  const classes = bootLoaders.map(({ tag, file, clients }) => ({
    name: `baremetal-${tag}`,
    test: clients.map((client) => `option[93].hex == 0x${hex(client, 4)}`).join(" or "),
    "boot-file-name": file,
  }));
  const subnet = {
    id: (among?.index ?? 0) + 1,
    subnet: parseCidr(network).text,
    "next-server": address,
    reservations: fixedOf(hosts).map(({ mac, ip }) => ({ "hw-address": mac, "ip-address": ip })),
  };
  const Dhcp4 = { ...(isFirst(settings) ? { "client-classes": classes } : {}), subnet4: [subnet] };
  return `${JSON.stringify({ Dhcp4 }, null, 2)}\n`;
}
