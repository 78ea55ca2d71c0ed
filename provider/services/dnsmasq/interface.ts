import type { Context } from "../../kernel/context.ts";
import { run } from "../../kernel/process.ts";

/** An address of one of this host's interfaces. */
export interface OwnAddress {
  readonly family: "IPv4" | "IPv6";
  readonly address: string;
  readonly prefix: number;
}

/**
 * The addresses of one of this host's interfaces, also while nothing at its other end is switched on: `os.
 * networkInterfaces()` leaves out what has no carrier, such as a bridge whose servers are all off. Undefined when there
 * is no such interface. PROGRAM_MISSING without iproute2.
 */
export async function addressesOf(ctx: Context, name: string): Promise<readonly OwnAddress[] | undefined> {
  const { code, stdout } = await run(ctx, "ip", ["-json", "addr", "show", "dev", name]);
  return code === 0 ? parseAddresses(stdout) : undefined;
}

/** What `ip -json addr` prints, as addresses; none for words that are not it. */
export function parseAddresses(json: string): readonly OwnAddress[] {
  const links = readJson(json);
  return (Array.isArray(links) ? links : []).flatMap((link: { addr_info?: readonly Info[] }) =>
    (link.addr_info ?? []).flatMap(({ family, local, prefixlen }) =>
      local === undefined || prefixlen === undefined
        ? []
        : [{ family: family === "inet" ? "IPv4" : "IPv6", address: local, prefix: prefixlen } as const],
    ),
  );
}

interface Info {
  readonly family?: string;
  readonly local?: string;
  readonly prefixlen?: number;
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
