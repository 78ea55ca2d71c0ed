import { join } from "node:path";
import type { Context } from "../kernel/context.ts";
import { MetalError } from "../kernel/errors.ts";
import { externalLines } from "../services/dnsmasq/external/index.ts";
import type { ExternalSettings } from "../services/dnsmasq/external/settings.ts";
import { listHosts } from "../services/dnsmasq/hosts.ts";
import { hostsOf } from "../site/local/network/one.ts";
import { knownRange } from "../site/local/network/range.ts";
import { networksOf, type SiteNetwork } from "../site/networks.ts";
import type { SiteSettings } from "../site/settings.ts";

/**
 * `doctor --dhcp`: the lines that a DHCP server of your own needs, with the cards that are enrolled now: of each network of the
 * site, or of the one on this interface.
 */
export async function dhcpLines(ctx: Context, settings: SiteSettings, name?: string): Promise<string> {
  const all = networksOf(settings).filter((network) => name === undefined || network.interface === name);
  const networks = all.length > 0 ? all : [{ interface: name, dhcp: "external" as const }];
  const pages: string[] = [];
  let index = 0;
  for (const network of networks) {
    const head = network.name === undefined ? "" : `# ---- network ${network.name} ----\n\n`;
    const several = networks.length > 1 && network.name !== undefined;
    try {
      const among = several ? { among: { name: network.name, index } } : {};
      pages.push(head + (await linesOf(ctx, settings, network, among)));
      index += 1;
    } catch (error) {
      // Of one that is down nothing is known; the others' lines are as good as ever.
      if (!several || !(error instanceof MetalError)) throw error;
      pages.push(`${head}# ${error.message}\n`);
    }
  }
  return pages.join("\n");
}

async function linesOf(
  ctx: Context,
  settings: SiteSettings,
  network: SiteNetwork,
  among: Pick<ExternalSettings, "among">,
): Promise<string> {
  const range = await knownRange(ctx, network);
  const { dnsmasq, isc, kea, windows, neutron, tftp } = externalLines({
    network: range.cidr,
    address: range.address,
    tftpRoot: settings.tftpRoot ?? join(settings.stateDir, "tftp"),
    hosts: await listHosts(hostsOf(settings.stateDir, network).hostsDir),
    ...among,
  });
  const parts = {
    ...{ dnsmasq, "ISC dhcpd": isc, Kea: kea, "Windows Server DHCP (PowerShell)": windows, Neutron: neutron },
    "TFTP, where the DHCP server brings none": tftp,
  };
  return Object.entries(parts)
    .map(([name, lines]) => `# ${name}\n${lines}`)
    .join("\n");
}
