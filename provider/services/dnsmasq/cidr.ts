import { isIPv4 } from "node:net";
import { dhcpErrors } from "./errors.ts";

/** An IPv4 network, addresses as numbers. */
export interface Cidr {
  /** As given, host bits cleared: `10.99.0.0/24`. */
  readonly text: string;
  readonly network: number;
  readonly broadcast: number;
  /** Dotted: `255.255.255.0`. */
  readonly mask: string;
}

/** Read `10.99.0.0/24`; host bits may be set. DHCP_BAD_NETWORK. */
export function parseCidr(text: string): Cidr {
  const [base = "", bits = "", ...rest] = text.split("/");
  const length = /^\d{1,2}$/.test(bits) ? Number(bits) : 99;
  // 31 and 32 have no room for a server beside us.
  if (!isIPv4(base) || length > 30 || rest.length > 0) {
    throw dhcpErrors.make("DHCP_BAD_NETWORK", { network: text });
  }
  const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  const network = (toNumber(base) & mask) >>> 0;
  const broadcast = (network | ~mask) >>> 0;
  return { text: `${toDotted(network)}/${length}`, network, broadcast, mask: toDotted(mask) };
}

export const toNumber = (address: string): number =>
  address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);

export const toDotted = (value: number): string =>
  [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join(".");
