import { parseCidr } from "../cidr.ts";
import { bootLoaders } from "../loaders.ts";
import { type ExternalSettings, fixedOf, hex, isFirst, lines } from "./settings.ts";

/** For `dhcpd.conf`. Option 93 is none of those it knows by name (dhcp-options(5)): it is defined once, before it is used. */
export function iscLines(settings: ExternalSettings): string {
  const { network, address, hosts } = settings;
  const { text, mask } = parseCidr(network);
  return lines([
    ...(isFirst(settings) ? ["option arch code 93 = unsigned integer 16;"] : []),
    `subnet ${text.split("/")[0]} netmask ${mask} {`,
    ...bootLoaders.flatMap(({ file, clients }) => [
      `  if ${clients.map((client) => `option arch = 00:${hex(client, 2)}`).join(" or ")} {`,
      `    next-server ${address};`,
      `    filename "${file}";`,
      "  }",
    ]),
    "}",
    ...fixedOf(hosts).map(
      ({ mac, ip }) => `host ${mac.replaceAll(":", "-")} { hardware ethernet ${mac}; fixed-address ${ip}; }`,
    ),
  ]);
}
