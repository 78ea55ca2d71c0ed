import { parseCidr } from "../cidr.ts";
import { bootLoaders } from "../loaders.ts";
import { type ExternalSettings, fixedOf, hex, lines } from "./settings.ts";

/** For `dhcpd.conf`. */
export function iscLines({ network, address, hosts }: ExternalSettings): string {
  const { text, mask } = parseCidr(network);
  return lines([
    "option arch code 93 = unsigned integer 16;",
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
