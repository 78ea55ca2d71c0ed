import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { networkInterfaces } from "node:os";
import type { Context } from "../../../kernel/context.ts";
import { powerErrors } from "../errors.ts";

/** Six bytes of ones, sixteen times the MAC, and the password where the card wants one (AMD publication 20213, "Magic Packet"). */
export function magicPacket(mac: string, password?: string): Buffer {
  const address = bytesOf(mac);
  const secret = password === undefined ? [] : [bytesOf(password)];
  return Buffer.concat([Buffer.alloc(6, 0xff), ...new Array<Buffer>(16).fill(address), ...secret]);
}

/** A MAC, or a SecureOn password: six bytes in hexadecimal, or four in decimal as an IPv4 address has them. */
const bytesOf = (text: string): Buffer =>
  text.includes(".")
    ? Buffer.from(text.split(".").map(Number))
    : Buffer.from(text.replace(/[:-]/g, ""), "hex");

/** Where a packet goes, and by which interface of this host. */
export interface Way {
  readonly broadcast: string;
  readonly port: number;
  readonly interface?: string | undefined;
}

/** Nobody says whether it came: it is sent so often. */
const copies = 3;
const pause = 100;

/** Send a packet to everybody on a network. */
export async function broadcast(ctx: Context, name: string, way: Way, packet: Buffer): Promise<void> {
  const socket = createSocket("udp4");
  socket.on("error", () => {}); // told by what is waited for below; without an ear it would end the helper
  try {
    await bound(socket, way.interface);
    socket.setBroadcast(true);
    for (let sent = 0; sent < copies; sent += 1) {
      if (sent > 0) await ctx.clock.sleep(pause, ctx.signal);
      await sendOnce(socket, packet, way);
    }
  } catch (cause) {
    ctx.signal.throwIfAborted();
    const { code = "", message } = cause as NodeJS.ErrnoException;
    const reason = `the packet was not sent: ${code || message}`;
    throw powerErrors.make("POWER_UNREACHABLE", { address: name, reason }, { cause });
  } finally {
    socket.close();
  }
}

/**
 * Linux sends what goes to 255.255.255.255 from one of its addresses by the interface that has it (net/ipv4/route.c,
 * ip_route_output_key_hash_rcu); other addresses go by the routes.
 */
async function bound(socket: Socket, name: string | undefined): Promise<void> {
  const own = name === undefined ? undefined : networkInterfaces()[name];
  const address = own?.find(({ family }) => family === "IPv4")?.address;
  if (name !== undefined && address === undefined) {
    throw new Error(`this host has no interface ${name} with an IPv4 address`);
  }
  socket.bind({ port: 0, ...(address === undefined ? {} : { address }) });
  await once(socket, "listening");
}

const sendOnce = (socket: Socket, packet: Buffer, { port, broadcast: to }: Way) =>
  new Promise<void>((resolve, reject) => {
    socket.send(packet, port, to, (error) => (error ? reject(error) : resolve()));
  });
