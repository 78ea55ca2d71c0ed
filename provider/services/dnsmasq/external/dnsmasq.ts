import { parseCidr } from "../cidr.ts";
import { bootLoaders } from "../loaders.ts";
import { type ExternalSettings, fixedOf, isFirst, lines } from "./settings.ts";

/** For a file of dnsmasq's `conf-dir`. Of several networks each range sets a tag: the first fitting `dhcp-boot` is taken for all. */
export function dnsmasqLines(settings: ExternalSettings): string {
  const { network, address, tftpRoot, hosts, among } = settings;
  const { text, mask } = parseCidr(network);
  const base = text.split("/")[0];
  const first = isFirst(settings);
  const [set, tagged] = among ? [`set:${among.name},`, `,tag:${among.name}`] : ["", ""];
  return lines([
    `dhcp-range=${set}${base},static,${mask}`,
    ...fixedOf(hosts).map(({ mac, ip }) => `dhcp-host=${mac},${ip}`),
    ...bootLoaders.flatMap(({ tag, file, clients }) => [
      ...(first ? clients.map((client) => `dhcp-match=set:${tag},option:client-arch,${client}`) : []),
      `dhcp-boot=tag:${tag}${tagged},${file},,${address}`,
    ]),
    ...(first
      ? [
          "# Only where dnsmasq runs on the deploy helper's host:",
          ...["enable-tftp", `tftp-root=${tftpRoot}`],
        ]
      : []),
  ]);
}
