import { isIPv4 } from "node:net";
import type { Context } from "../../../kernel/context.ts";
import { run } from "../../../kernel/process.ts";
import { parseCidr, toNumber } from "../../../services/dnsmasq/cidr.ts";
import { siteErrors } from "../../errors.ts";
import type { SiteNetwork } from "../../networks.ts";
import { networkErrors } from "./errors.ts";

/** A provisioning network as this host sees it. */
export interface Range {
  /** `10.99.0.0/24` */
  readonly cidr: string;
  /** Our own address on it. */
  readonly address: string;
  readonly holds: (address: string) => boolean;
}

/** The network of the settings, or of the interface they name; undefined when the interface has no fitting IPv4 address. */
export async function rangeOf(ctx: Context, settings: SiteNetwork): Promise<Range | undefined> {
  const whole = settings.cidr !== undefined && settings.address !== undefined;
  const all = whole ? [] : await ownAddresses(ctx, settings.interface);
  // Of servers behind a relay this host has no address: what it has is told to them.
  const own = all.find(({ local }) => inside(settings.cidr, local)) ?? (settings.router ? all[0] : undefined);
  const cidr = settings.cidr ?? (own && `${own.local}/${own.prefixlen}`);
  const address = settings.address ?? own?.local;
  if (!cidr || !address) return undefined;
  return { cidr: parseCidr(cidr).text, address, holds: (other) => isIPv4(other) && inside(cidr, other) };
}

/** The same; where it is not known, why. SITE_SETTINGS_MISSING, SITE_NO_NETWORK, NETWORK_NO_ADDRESS. */
export async function knownRange(ctx: Context, settings: SiteNetwork): Promise<Range> {
  const found = await rangeOf(ctx, settings);
  if (found) return found;
  const { interface: name, cidr } = settings;
  if (name === undefined) throw siteErrors.make("SITE_SETTINGS_MISSING", { setting: "interface" });
  const all = await ownAddresses(ctx, name);
  if (all.length === 0 || cidr === undefined) throw siteErrors.make("SITE_NO_NETWORK", { interface: name });
  const addresses = all.map(({ local }) => local).join(", ");
  throw networkErrors.make("NETWORK_NO_ADDRESS", { interface: name, network: cidr, addresses });
}

function inside(cidr: string | undefined, address: string): boolean {
  if (cidr === undefined) return true;
  const { network, broadcast } = parseCidr(cidr);
  const value = toNumber(address);
  return value > network && value < broadcast;
}

interface Address {
  readonly local: string;
  readonly prefixlen: number;
}

// Not os.networkInterfaces(): it leaves out an interface without carrier, and a rack that is switched off has none.
async function ownAddresses(ctx: Context, name: string | undefined): Promise<readonly Address[]> {
  if (name === undefined) return [];
  const { code, stdout } = await run(ctx, "ip", ["-json", "-4", "addr", "show", "dev", name]);
  if (code !== 0) return [];
  const links = JSON.parse(stdout) as readonly { readonly addr_info?: readonly Address[] }[];
  return links.flatMap(({ addr_info }) => addr_info ?? []).filter(({ local }) => local !== undefined);
}
