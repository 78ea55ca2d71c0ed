import { parseCidr } from "../cidr.ts";
import { bootLoaders } from "../loaders.ts";
import { type ExternalSettings, fixedOf, lines } from "./settings.ts";

/** For a file of dnsmasq's `conf-dir`. */
export function dnsmasqLines({ network, address, tftpRoot, hosts }: ExternalSettings): string {
  const { text, mask } = parseCidr(network);
  const base = text.split("/")[0];
  return lines([
    `dhcp-range=${base},static,${mask}`,
    ...fixedOf(hosts).map(({ mac, ip }) => `dhcp-host=${mac},${ip}`),
    ...bootLoaders.flatMap(({ tag, file, clients }) => [
      ...clients.map((client) => `dhcp-match=set:${tag},option:client-arch,${client}`),
      `dhcp-boot=tag:${tag},${file},,${address}`,
    ]),
    "# Only where dnsmasq runs on the deploy helper's host:",
    "enable-tftp",
    `tftp-root=${tftpRoot}`,
  ]);
}
