import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What becomes of a connection after so many bytes of answers. */
export type StreamFault =
  | { readonly kind: "none" }
  /** It ends as if all had been said; it is reset; nothing more comes; what comes is something else. */
  | { readonly kind: "truncated" | "reset" | "stalled" | "garbled"; readonly after: number }
  /** All answers arrive, so many milliseconds later. */
  | { readonly kind: "late"; readonly by: number };

/** A way to a server on this host by TCP, which can be bad. */
export interface TcpWire {
  readonly port: number;
  /** Of connections from now on. */
  fault: StreamFault;
  /** Connections that were made. */
  readonly connections: () => number;
  /** Bytes of answers that came over the newest of them. */
  readonly answered: () => number;
  readonly stop: () => Promise<void>;
}

export async function startTcpWire(target: { host: string; port: number }): Promise<TcpWire> {
  const open = new Set<Socket>();
  let [connections, answered] = [0, 0];
  const wire = { fault: { kind: "none" } as StreamFault };
  const server = createServer((client) => {
    connections += 1;
    answered = 0;
    const upstream = connect(target);
    upstream.on("data", (piece) => {
      answered += piece.length;
    });
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
    answered: () => answered,
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  });
}

function answer(from: Socket, to: Socket, fault: StreamFault): void {
  if (fault.kind === "none") return void from.pipe(to);
  if (fault.kind === "late")
    return void from.on("data", (piece) => setTimeout(() => to.write(piece), fault.by));
  const { kind, after } = fault;
  let left = after;
  from.on("data", (piece) => {
    const [passed, rest] = [piece.subarray(0, left), piece.subarray(left)];
    left -= passed.length;
    if (kind === "garbled") return void to.write(Buffer.concat([passed, rest.map((byte) => byte ^ 0x55)]));
    if (left > 0) return void to.write(passed);
    from.removeAllListeners("data").resume();
    to.write(passed, () => end(to, kind));
  });
}

function end(socket: Socket, kind: StreamFault["kind"]): void {
  if (kind === "truncated") socket.end();
  if (kind === "reset") socket.resetAndDestroy();
}
