import { once } from "node:events";
import { open, stat } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A port from which the controller hears the serial line, as the file of it grows. */
export interface SerialPort {
  readonly port: number;
  readonly close: () => void;
}

export async function serveSerial(path: string): Promise<SerialPort> {
  const timers = new Set<NodeJS.Timeout>();
  const server = createServer((socket) => void follow(path, socket, timers)).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const timer of timers) clearInterval(timer);
      server.close();
    },
  };
}

async function follow(path: string, socket: Socket, timers: Set<NodeJS.Timeout>): Promise<void> {
  socket.on("error", () => {});
  let at = (await stat(path).catch(() => ({ size: 0 }))).size;
  const timer = setInterval(async () => {
    const file = await open(path, "r").catch(() => undefined);
    if (!file) return; // it was never switched on
    const { bytesRead, buffer } = await file.read({ position: at, buffer: Buffer.alloc(65_536) });
    await file.close();
    at += bytesRead;
    if (bytesRead > 0) socket.write(buffer.subarray(0, bytesRead));
  }, 300);
  timers.add(timer);
  socket.once("close", () => clearInterval(timer));
}
