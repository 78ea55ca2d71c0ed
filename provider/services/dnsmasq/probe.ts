import { randomBytes, randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { type Context, LimitReached, within } from "../../kernel/context.ts";
import type { Duration } from "../../kernel/units.ts";
import { dhcpErrors } from "./errors.ts";
import { addressesOf } from "./interface.ts";
import { decodeDhcp, encodeDhcp, messages } from "./packet.ts";

/** A DHCP server that answered, and the address that it offered. */
export interface OtherServer {
  readonly server: string;
  readonly offered: string;
}

/**
 * Ask on an interface, as a card that nobody knows, who gives addresses; nothing is taken of what is offered. Undefined
 * after four seconds of silence (dnsmasq pings an address for three before it offers it). A server that answers only cards it knows is not heard, and does no harm to ours.
 * Limits: a reply from an address to which this host has no route back may be dropped by the kernel (rp_filter).
 */
export async function otherDhcpServer(
  ctx: Context,
  interfaceName: string,
  limit: Duration = "4 seconds",
): Promise<OtherServer | undefined> {
  const own = ((await addressesOf(ctx, interfaceName)) ?? []).find(({ family }) => family === "IPv4");
  if (own === undefined) return undefined;
  // Answers go to everybody's port 68; and Linux sends a broadcast out where the socket's own address lies.
  const [ear, mouth] = [
    createSocket({ type: "udp4", reuseAddr: true }),
    createSocket({ type: "udp4", reuseAddr: true }),
  ];
  try {
    await bind(ear, 68);
    await bind(mouth, 68, own.address);
    mouth.setBroadcast(true);
    return await within(ctx, limit, (ctx) => ask(ctx, ear, mouth));
  } catch (error) {
    if (error instanceof LimitReached && !ctx.signal.aborted) return undefined;
    if (ctx.signal.aborted || !(error instanceof Error && "syscall" in error)) throw error;
    ctx.log.warn("could not listen for other DHCP servers", {
      interface: interfaceName,
      reason: error.message,
    });
    return undefined;
  } finally {
    ear.close();
    mouth.close();
  }
}

/** Throw DHCP_FOREIGN_SERVER when somebody else gives addresses on the interface. */
export async function refuseOtherDhcp(ctx: Context, interfaceName: string, limit?: Duration): Promise<void> {
  const other = await otherDhcpServer(ctx, interfaceName, limit);
  if (other) throw dhcpErrors.make("DHCP_FOREIGN_SERVER", { ...other, interface: interfaceName });
}

async function ask(ctx: Context, ear: Socket, mouth: Socket): Promise<OtherServer> {
  const xid = randomInt(2 ** 32);
  // Locally administered, so that it is nobody's.
  const mac = `02:${[...randomBytes(5)].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;
  const question = encodeDhcp({ op: 1, type: messages.discover, xid, mac, broadcast: true });
  const say = () => mouth.send(question, 67, "255.255.255.255", () => {});
  const timer = setInterval(say, 800);
  try {
    return await new Promise<OtherServer>((resolve, reject) => {
      ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason), { once: true });
      ear.on("error", reject);
      mouth.on("error", reject);
      const hear = (packet: Buffer, from: { address: string }) => {
        const answer = decodeDhcp(packet);
        if (answer?.op !== 2 || answer.xid !== xid || answer.type !== messages.offer) return;
        resolve({ server: answer.server ?? from.address, offered: answer.given ?? "none" });
      };
      // A server that ignores the broadcast flag answers our own address.
      ear.on("message", hear);
      mouth.on("message", hear);
      say();
    });
  } finally {
    clearInterval(timer);
  }
}

function bind(socket: Socket, port: number, address?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}
