import { join } from "node:path";
import type { Context } from "../kernel/context.ts";
import { MetalError } from "../kernel/errors.ts";
import { externalLines } from "../services/dnsmasq/external/index.ts";
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
  const pages: string[] = [];
  for (const network of all.length > 0 ? all : [{ interface: name, dhcp: "external" as const }]) {
    const head = network.name === undefined ? "" : `# ---- network ${network.name} ----\n\n`;
    const lines = await linesOf(ctx, settings, network).catch((error: unknown) => {
      // Of one that is down nothing is known; the others' lines are as good as ever.
      if (all.length < 2 || !(error instanceof MetalError)) throw error;
      return `# ${error.message}\n`;
    });
    pages.push(head + lines);
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
