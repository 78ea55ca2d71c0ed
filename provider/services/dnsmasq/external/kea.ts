import { parseCidr } from "../cidr.ts";
import { bootLoaders } from "../loaders.ts";
import { type ExternalSettings, fixedOf, hex } from "./settings.ts";

/** For `kea-dhcp4.conf`. */
export function keaLines({ network, address, hosts }: ExternalSettings): string {
  const classes = bootLoaders.map(({ tag, file, clients }) => ({
    name: `baremetal-${tag}`,
    test: clients.map((client) => `option[93].hex == 0x${hex(client, 4)}`).join(" or "),
    "next-server": address,
    "boot-file-name": file,
  }));
  const subnet = {
    id: 1,
    subnet: parseCidr(network).text,
    reservations: fixedOf(hosts).map(({ mac, ip }) => ({ "hw-address": mac, "ip-address": ip })),
  };
  const Dhcp4 = { "client-classes": classes, subnet4: [subnet] };
  return `${JSON.stringify({ Dhcp4 }, null, 2)}\n`;
}
