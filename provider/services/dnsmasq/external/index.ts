import { dnsmasqLines } from "./dnsmasq.ts";
import { iscLines } from "./isc.ts";
import { keaLines } from "./kea.ts";
import { neutronLines } from "./neutron.ts";
import { type ExternalSettings, lines } from "./settings.ts";
import { windowsLines } from "./windows.ts";

/** The same in each server's own words; `tftp` is for the host with our tree, where the DHCP server does not bring TFTP. */
export interface ExternalLines {
  readonly dnsmasq: string;
  readonly isc: string;
  readonly kea: string;
  readonly windows: string;
  readonly neutron: string;
  readonly tftp: string;
}

/** The exact lines for the DHCP servers that people run, to be added to what they have. */
export function externalLines(settings: ExternalSettings): ExternalLines {
  return {
    dnsmasq: dnsmasqLines(settings),
    isc: iscLines(settings),
    kea: keaLines(settings),
    windows: windowsLines(settings),
    neutron: neutronLines(settings),
    tftp: lines([`in.tftpd --listen --address ${settings.address}:69 --secure ${settings.tftpRoot}`]),
  };
}
