import { isIP, SocketAddress } from "node:net";

/** An IP address in its one canonical form, IPv4-mapped IPv6 as IPv4, a zone kept; undefined for anything else. */
export function canonicalAddress(text: string): string | undefined {
  const [bare = "", zone] = text.split("%", 2);
  const family = isIP(bare);
  if (family === 0 || (zone !== undefined && !/^[\w.-]{1,32}$/.test(zone))) return undefined;
  if (family === 4) return zone === undefined ? bare : undefined;
  const { address } = new SocketAddress({ address: bare, family: "ipv6" });
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? (zone === undefined ? address : `${address}%${zone}`);
}

/** Whether two canonical addresses are the same one; a zone counts only where both tell it, as servers do not know ours. */
export function sameAddress(one: string, other: string): boolean {
  const [[a, zoneA], [b, zoneB]] = [one.split("%", 2), other.split("%", 2)];
  return a === b && (zoneA === undefined || zoneB === undefined || zoneA === zoneB);
}

/** `host:port`, with brackets where the host is IPv6. */
export const showWhere = (host: string, port: number): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
