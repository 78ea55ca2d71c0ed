import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";

/** An address that dnsmasq gave away. */
export interface Lease {
  readonly mac: string;
  readonly ip: string;
  /** How the client called itself, as dnsmasq writes it; firmware and system of one server may differ. */
  readonly clientId?: string;
  /** Milliseconds since the epoch; undefined = for ever. */
  readonly expires?: number;
}

/** All IPv4 leases in dnsmasq's lease file; none when it is not there yet. */
export async function readLeases(file: string): Promise<readonly Lease[]> {
  return parseLeases(await readFile(file, "utf8").catch(() => ""));
}

/** The address of each MAC in dnsmasq's lease file. */
export async function leasedAddresses(file: string): Promise<ReadonlyMap<string, string>> {
  return new Map((await readLeases(file)).map(({ mac, ip }) => [mac, ip]));
}

/** The lines are `expiry mac ip name clientid`; after `duid …` come those of IPv6. A line that is not one is passed over. */
export function parseLeases(text: string): readonly Lease[] {
  const [ipv4 = ""] = text.split(/^duid /m);
  return ipv4.split("\n").flatMap((line) => {
    const [expiry = "", mac = "", ip = "", , clientId = "*"] = line.split(" ");
    if (!/^\d+$/.test(expiry) || !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac) || !isIPv4(ip)) return [];
    return [
      {
        mac,
        ip,
        ...(clientId === "*" ? {} : { clientId }),
        ...(expiry === "0" ? {} : { expires: Number(expiry) * 1000 }),
      },
    ];
  });
}
