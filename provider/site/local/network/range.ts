import { isIPv4 } from "node:net";
import type { Context } from "../../../kernel/context.ts";
import { run } from "../../../kernel/process.ts";
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
export async function rangeOf(ctx: Context, settings: SiteSettings): Promise<Range | undefined> {
  const whole = settings.network !== undefined && settings.address !== undefined;
  const own = whole ? undefined : await ownAddress(ctx, settings.interface);
  const cidr = settings.network ?? (own && `${own.local}/${own.prefixlen}`);
  const address = settings.address ?? own?.local;
  if (cidr === undefined || address === undefined) return undefined;
  const { text, network, broadcast } = parseCidr(cidr);
  const inside = (value: number) => value > network && value < broadcast;
  return { cidr: text, address, holds: (other) => isIPv4(other) && inside(toNumber(other)) };
}

interface Address {
  readonly local: string;
  readonly prefixlen: number;
}

// Not os.networkInterfaces(): it leaves out an interface without carrier, and a rack that is switched off has none.
async function ownAddress(ctx: Context, name: string | undefined): Promise<Address | undefined> {
  if (name === undefined) return undefined;
  const { code, stdout } = await run(ctx, "ip", ["-json", "-4", "addr", "show", "dev", name]);
  if (code !== 0) return undefined;
  const links = JSON.parse(stdout) as readonly { readonly addr_info?: readonly Address[] }[];
  return links.flatMap(({ addr_info }) => addr_info ?? []).find(({ local }) => local !== undefined);
}
