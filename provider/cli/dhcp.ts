import { join } from "node:path";
import type { Context } from "../kernel/context.ts";
import { externalLines } from "../services/dnsmasq/external/index.ts";
import { listHosts } from "../services/dnsmasq/hosts.ts";
import { siteErrors } from "../site/errors.ts";
import { rangeOf } from "../site/local/network/range.ts";
import type { SiteSettings } from "../site/settings.ts";

/** `doctor --dhcp`: the lines that a DHCP server of your own needs, with the cards that are enrolled now. */
export async function dhcpLines(ctx: Context, settings: SiteSettings): Promise<string> {
  const range = await rangeOf(ctx, settings);
  if (range === undefined) {
    throw settings.interface === undefined
      ? siteErrors.make("SITE_SETTINGS_MISSING", { setting: "interface" })
      : siteErrors.make("SITE_NO_NETWORK", { interface: settings.interface });
  }
  const { dnsmasq, isc, kea, windows, neutron, tftp } = externalLines({
    network: range.cidr,
    address: range.address,
    tftpRoot: settings.tftpRoot ?? join(settings.stateDir, "tftp"),
    hosts: await listHosts(join(settings.stateDir, "hosts")),
  });
  const parts = {
    ...{ dnsmasq, "ISC dhcpd": isc, Kea: kea, "Windows Server DHCP (PowerShell)": windows, Neutron: neutron },
    "TFTP, where the DHCP server brings none": tftp,
  };
  return Object.entries(parts)
    .map(([name, lines]) => `# ${name}\n${lines}`)
    .join("\n");
}
