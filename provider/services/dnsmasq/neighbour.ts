import { createSocket } from "node:dgram";
import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import type { Context } from "../../kernel/context.ts";

/**
 * The MAC behind an IPv4 address on a network of this host, from the kernel's neighbour table. The kernel is made to
 * look first when it does not know; undefined after a second without an answer, and for an address that is not on a link.
 */
export async function neighbourMac(ctx: Context, ip: string): Promise<string | undefined> {
  if (!isIPv4(ip)) return undefined;
  const known = await lookUp(ip);
  if (known !== undefined) return known;
  await poke(ip);
  for (let tries = 0; tries < 5; tries++) {
    await ctx.clock.sleep(200, ctx.signal);
    const found = await lookUp(ip);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The MAC of an address in the text of /proc/net/arp; entries without an answer are passed over. */
export function macIn(table: string, ip: string): string | undefined {
  for (const line of table.split("\n")) {
    const [address, , flags = "0", mac = ""] = line.trim().split(/\s+/);
    // 0x2 = complete (linux/if_arp.h, ATF_COM).
    if (address === ip && (Number(flags) & 0x2) !== 0 && mac !== "00:00:00:00:00:00")
      return mac.toLowerCase();
  }
  return undefined;
}

async function lookUp(ip: string): Promise<string | undefined> {
  return macIn(await readFile("/proc/net/arp", "utf8").catch(() => ""), ip);
}

/** One empty datagram to the discard port: it makes the kernel ask who has the address. */
async function poke(ip: string): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => {
    socket.once("error", () => resolve());
    socket.send(Buffer.alloc(0), 9, ip, () => resolve());
  });
  socket.close();
}
