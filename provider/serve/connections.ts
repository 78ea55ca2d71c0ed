import type { Server, Socket } from "node:net";
import type { Logger } from "../kernel/log.ts";
import { networkOf } from "./turnstile.ts";

/** How many may be connected at once: in all, and from one address. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
}

/** Milliseconds between two lines of log about it: who comes so often would fill the log with them. */
const quiet = 60_000;

/** Close what is too many before a byte is read from it, so that one client cannot keep all others out. */
export function limitConnections(server: Server, limits: ConnectionLimits, log: Logger): void {
  const open = new Map<string, number>();
  let told = 0;
  server.maxConnections = limits.maxConnections;
  server.on("connection", (socket: Socket) => {
    const address = networkOf(socket.remoteAddress ?? "");
    const count = open.get(address) ?? 0;
    if (count >= limits.maxConnectionsPerAddress) {
      socket.destroy();
      if (Date.now() - told < quiet) return;
      told = Date.now();
      log.warn("an address has as many connections as it may have", { address, connections: count });
      return;
    }
    open.set(address, count + 1);
    socket.once("close", () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
}
