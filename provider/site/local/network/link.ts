import { createSocket } from "node:dgram";
import type { Context } from "../../../kernel/context.ts";
import { MetalError } from "../../../kernel/errors.ts";
import { run } from "../../../kernel/process.ts";
import { siteErrors } from "../../errors.ts";
import type { SiteNetwork } from "../../networks.ts";
import { networkErrors } from "./errors.ts";
import { knownRange } from "./range.ts";

/** An interface of this host as the kernel has it now. One that was made again under its name has another number. */
export interface Link {
  readonly index: number;
  /** Switched on here. Whether anything is at its other end is not asked: a rack that is switched off has no carrier. */
  readonly up: boolean;
}
export type Links = ReadonlyMap<string, Link>;

// By `ip`, and not from /sys/class/net: that shows the network namespace in which it was mounted, not ours.
export async function readLinks(ctx: Context): Promise<Links> {
  const { code, stdout } = await run(ctx, "ip", ["-json", "link", "show"]);
  if (code !== 0) return new Map();
  const all = JSON.parse(stdout) as readonly { ifname?: string; ifindex?: number; flags?: string[] }[];
  return new Map(
    all.flatMap(({ ifname, ifindex = 0, flags = [] }) =>
      ifname === undefined ? [] : [[ifname, { index: ifindex, up: flags.includes("UP") }] as const],
    ),
  );
}

/**
 * What of this host's interface keeps a network from being served. `address`: ours on it, where that is known already.
 * SITE_NO_NETWORK, NETWORK_LINK_DOWN, NETWORK_ADDRESS_GONE, and what `knownRange` throws.
 */
export async function linkFault(
  ctx: Context,
  network: SiteNetwork,
  links: Links,
  address?: string,
): Promise<MetalError | undefined> {
  const { interface: name } = network;
  if (name !== undefined) {
    const link = links.get(name);
    if (link === undefined) return siteErrors.make("SITE_NO_NETWORK", { interface: name });
    if (!link.up) return networkErrors.make("NETWORK_LINK_DOWN", { interface: name });
  }
  try {
    const own = address ?? (await knownRange(ctx, network)).address;
    return (await isOurs(own)) ? undefined : networkErrors.make("NETWORK_ADDRESS_GONE", { address: own });
  } catch (error) {
    if (error instanceof MetalError) return error;
    throw error;
  }
}

/** Whether a fault is one of the interface's, which goes by itself when that comes up. */
export const isLinkFault = ({ code }: { readonly code: string }): boolean =>
  ["SITE_NO_NETWORK", "NETWORK_LINK_DOWN", "NETWORK_ADDRESS_GONE", "NETWORK_NO_ADDRESS"].includes(code) ||
  code === "DHCP_NO_INTERFACE";

/** Only an address of this host can be bound to. */
function isOurs(address: string): Promise<boolean> {
  const socket = createSocket("udp4");
  return new Promise((resolve) => {
    const done = (ours: boolean) => socket.close(() => resolve(ours));
    socket.once("error", (error) => done(!("code" in error && error.code === "EADDRNOTAVAIL")));
    socket.bind(0, address, () => done(true));
  });
}
