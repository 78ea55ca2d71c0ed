import { join } from "node:path";
import type { Context } from "../kernel/context.ts";
import { externalLines } from "../services/dnsmasq/external/index.ts";
import { listHosts } from "../services/dnsmasq/hosts.ts";
import { hostsOf } from "../site/local/network/one.ts";
import { knownRange } from "../site/local/network/range.ts";
import { networksOf, type SiteNetwork } from "../site/networks.ts";
import type { SiteSettings } from "../site/settings.ts";

/** `doctor --dhcp`: the lines that a DHCP server of your own needs, with the cards that are enrolled now. */
export async function dhcpLines(ctx: Context, settings: SiteSettings): Promise<string> {
  const pages: string[] = [];
  for (const network of networksOf(settings)) {
    const head = network.name === undefined ? "" : `# ---- network ${network.name} ----\n\n`;
    pages.push(head + (await linesOf(ctx, settings, network)));
  }
  return pages.join("\n");
}

async function linesOf(ctx: Context, settings: SiteSettings, network: SiteNetwork): Promise<string> {
  const range = await knownRange(ctx, network);
  const { dnsmasq, isc, kea, windows, neutron, tftp } = externalLines({
    network: range.cidr,
    address: range.address,
    tftpRoot: settings.tftpRoot ?? join(settings.stateDir, "tftp"),
    hosts: await listHosts(hostsOf(settings.stateDir, network).hostsDir),
  });
  const parts = {
    ...{ dnsmasq, "ISC dhcpd": isc, Kea: kea, "Windows Server DHCP (PowerShell)": windows, Neutron: neutron },
    "TFTP, where the DHCP server brings none": tftp,
  };
  return Object.entries(parts)
    .map(([name, lines]) => `# ${name}\n${lines}`)
    .join("\n");
}
