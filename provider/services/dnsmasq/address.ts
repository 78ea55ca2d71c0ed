import { isIPv4 } from "node:net";
import { parseCidr, toDotted, toNumber } from "./cidr.ts";
import { dhcpErrors } from "./errors.ts";

/**
 * A server's address on a network: the wanted one, or the lowest that nobody has. `taken` holds everybody else's: this
 * host's own, the router's, those of other Interfaces. DHCP_ADDRESS_OUTSIDE, DHCP_ADDRESS_TAKEN, DHCP_NETWORK_FULL.
 */
export function allocateAddress(network: string, taken: Iterable<string>, wanted?: string): string {
  const { text, network: base, broadcast } = parseCidr(network);
  const used = new Set([...taken].filter((address) => isIPv4(address)).map(toNumber));
  if (wanted !== undefined) {
    const value = isIPv4(wanted) ? toNumber(wanted) : -1;
    if (value <= base || value >= broadcast) {
      throw dhcpErrors.make("DHCP_ADDRESS_OUTSIDE", { address: wanted, network: text });
    }
    if (used.has(value)) throw dhcpErrors.make("DHCP_ADDRESS_TAKEN", { address: wanted, network: text });
    return toDotted(value);
  }
  for (let value = base + 1; value < broadcast; value++) {
    if (!used.has(value)) return toDotted(value);
  }
  throw dhcpErrors.make("DHCP_NETWORK_FULL", { network: text });
}
