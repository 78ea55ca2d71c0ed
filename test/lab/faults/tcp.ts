import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What becomes of a connection after so many bytes of answers. */
export type StreamFault =
  | { readonly kind: "none" }
  /** It ends as if all had been said. */
  | { readonly kind: "truncated" | "reset" | "stalled"; readonly after: number };

/** A way to a server on this host by TCP, which can be bad. */
export interface TcpWire {
  readonly port: number;
  /** Of connections from now on. */
  fault: StreamFault;
  /** Connections that were made. */
  readonly connections: () => number;
  readonly stop: () => Promise<void>;
}

export async function startTcpWire(target: { host: string; port: number }): Promise<TcpWire> {
  const open = new Set<Socket>();
  let connections = 0;
  const wire = { fault: { kind: "none" } as StreamFault };
  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(target);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        for (const other of [client, upstream]) other.destroy();
      });
    }
    client.pipe(upstream);
    answer(upstream, client, wire.fault);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(wire, {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  });
}

function answer(from: Socket, to: Socket, fault: StreamFault): void {
  if (fault.kind === "none") return void from.pipe(to);
  let left = fault.after;
  from.on("data", (piece) => {
    if (left <= 0) return;
    const passed = piece.subarray(0, left);
    left -= passed.length;
    to.write(passed, () => left <= 0 && end(to, fault.kind));
  });
}

function end(socket: Socket, kind: StreamFault["kind"]): void {
  if (kind === "truncated") socket.end();
  if (kind === "reset") socket.resetAndDestroy();
}
