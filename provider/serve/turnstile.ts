import { isIP } from "node:net";
import { canonicalAddress } from "../services/callback/address.ts";

/**
 * How often an address may come without a good token. A token has 256 random bits, so nobody guesses one: what is kept off is
 * the work and the lines of log that a broken or hostile client makes. Who has a good one is let in, whoever else asks from
 * its address.
 */
export interface Turnstile {
  /** One that was not let in: seconds until it may try again; undefined while it may. */
  readonly turnAway: (address: string) => number | undefined;
}
interface Limits {
  readonly now: () => number;
  /** In a window. */
  readonly most?: number;
  /** Milliseconds. */
  readonly window?: number;
  /** So many are remembered, the last ones. */
  readonly addresses?: number;
}

export function createTurnstile({ now, most = 10, window = 60_000, addresses = 10_000 }: Limits): Turnstile {
  const seen = new Map<string, { since: number; count: number }>();
  return {
    turnAway(address) {
      const key = networkOf(address);
      const found = seen.get(key);
      const fresh = found === undefined || now() - found.since >= window;
      const one = fresh ? { since: now(), count: 0 } : found;
      one.count += 1;
      seen.delete(key);
      seen.set(key, one);
      if (seen.size > addresses) seen.delete(seen.keys().next().value ?? "");
      return one.count <= most ? undefined : Math.max(1, Math.ceil((one.since + window - now()) / 1000));
    },
  };
}

/** What counts as one asker: an IPv4 address; of IPv6 the /64, as each host of such a network has all of its addresses. */
export function networkOf(address: string): string {
  const canonical = canonicalAddress(address)?.split("%")[0] ?? "";
  if (isIP(canonical) !== 6) return canonical;
  const [head = "", tail = ""] = canonical.split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const missing = canonical.includes("::") ? 8 - groups(head).length - groups(tail).length : 0;
  const all = [...groups(head), ...Array<string>(missing).fill("0"), ...groups(tail)];
  return `${all.slice(0, 4).join(":")}::/64`;
}
