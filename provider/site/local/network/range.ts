import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { parseCidr, toNumber } from "../../../services/dnsmasq/cidr.ts";
import type { SiteSettings } from "../../settings.ts";

/** The provisioning network as this host sees it. */
export interface Range {
  /** `10.99.0.0/24` */
  readonly cidr: string;
  /** Our own address on it. */
  readonly address: string;
  readonly holds: (address: string) => boolean;
}

/** The network of the settings, or of the interface they name; undefined when the interface has no IPv4 address. */
export function rangeOf(settings: SiteSettings): Range | undefined {
  const own = (networkInterfaces()[settings.interface ?? ""] ?? []).find(({ family }) => family === "IPv4");
  const cidr = settings.network ?? own?.cidr ?? undefined;
  const address = settings.address ?? own?.address;
  if (cidr === undefined || address === undefined) return undefined;
  const { text, network, broadcast } = parseCidr(cidr);
  const inside = (value: number) => value > network && value < broadcast;
  return { cidr: text, address, holds: (other) => isIPv4(other) && inside(toNumber(other)) };
}
