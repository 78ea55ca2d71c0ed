import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import type { Context } from "../../kernel/context.ts";
import type { Lease } from "./lease.ts";
import { encodeDhcp, messages } from "./packet.ts";

/**
 * Give a lease back in its holder's name. dnsmasq keeps leases in memory and gives an address to nobody else while one
 * lasts, and ours last for ever: so whoever is taken off the list hands in his. Tried with dnsmasq 2.90, November 2026.
 */
export async function releaseLease(
  ctx: Context,
  server: string,
  { mac, ip, clientId }: Lease,
): Promise<void> {
  ctx.signal.throwIfAborted();
  const packet = encodeDhcp({
    ...{ op: 1, type: messages.release, xid: randomInt(2 ** 32), mac, has: ip, server },
    ...(clientId === undefined ? {} : { clientId }),
  });
  const socket = createSocket("udp4");
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(0, server, () =>
        socket.send(packet, 67, server, (error) => (error ? reject(error) : resolve())),
      );
    });
  } finally {
    socket.close();
  }
}
