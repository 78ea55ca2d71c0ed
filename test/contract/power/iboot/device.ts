import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { PeerFault } from "../peer.ts";

export const account = { user: "admin", password: "Hjq8-wrEx2" };

/** A command as it arrived. */
export interface Command {
  readonly user: string;
  readonly password: string;
  readonly descriptor: number;
  readonly sequence: number;
}

/** A command's header, read by the document; undefined where it is none. */
export function headerOf(bytes: Buffer): Command | undefined {
  if (bytes.length < 47 || bytes[0] !== 3 || bytes[44] !== 0) return undefined;
  const text = (from: number) => bytes.toString("utf8", from, from + 21).replace(/\0.*$/s, "");
  return {
    ...{ user: text(1), password: text(22) },
    ...{ descriptor: bytes.readUInt8(43), sequence: bytes.readUInt16LE(45) },
  };
}

/** How this device differs from a plain one. */
export interface Kind {
  readonly relays?: number;
  /** The number that it greets with. */
  readonly sequence?: number;
  /** It says each byte for itself. */
  readonly slowly?: boolean;
  /** So many commands it hangs up on, whatever the login. */
  readonly hangUps?: number;
}

/**
 * An iBoot of our own, on loopback: written from the documents and clients that the driver was written from, so what it proves is
 * that both read them alike. No device was ever asked.
 */
export async function startDevice(kind: Kind = {}) {
  const relays = Array.from({ length: kind.relays ?? 3 }, () => 0);
  let [fault, logins, hangUps]: [PeerFault, number, number] = ["none", 0, kind.hangUps ?? 0];
  const orders: { at: number; order: "look" | "on" | "off" }[] = [];
  const commands: Command[] = [];
  const open = new Set<Socket>();

  const say = (socket: Socket, bytes: readonly number[]) => {
    if (!kind.slowly) return void socket.write(Buffer.from(bytes));
    for (const [at, byte] of bytes.entries()) setTimeout(() => socket.write(Buffer.from([byte])), at * 20);
  };
  function turn(relay: number, to: "on" | "off"): void {
    orders.push({ at: Date.now(), order: to });
    const effect = () => relays.splice(relay - 1, 1, to === "on" ? 1 : 0);
    if (fault === "slow") setTimeout(effect, 1_000).unref();
    else if (fault !== "lies") effect();
  }
  /** Whether who asks may. */
  function allowed(user: string, password: string): boolean {
    const right = user === account.user && password === account.password;
    logins += right ? 0 : 1;
    hangUps -= 1;
    return right && hangUps < 0;
  }

  function dxp(socket: Socket, bytes: Buffer): number {
    const command = headerOf(bytes);
    if (!command) return 0;
    if (!allowed(command.user, command.password)) return end(socket);
    commands.push(command);
    if (command.descriptor === 4) {
      orders.push({ at: Date.now(), order: "look" });
      say(socket, fault === "garbles" ? relays.map(() => 0x3c) : relays);
      return 47;
    }
    if (bytes.length < 49) return 0;
    const [relay, to] = [bytes.readUInt8(47), bytes.readUInt8(48) === 1 ? "on" : "off"] as const;
    if (fault === "garbles" || relay > relays.length) say(socket, [fault === "garbles" ? 0x3c : 1]);
    else {
      turn(relay, to);
      say(socket, [0]);
    }
    return 49;
  }

  function text(socket: Socket, bytes: Buffer): number {
    const [, password = "", word = ""] = bytes.toString("latin1").split("\x1b");
    if (!word.endsWith("\r")) return 0;
    const action = word.trimEnd();
    if (!allowed(account.user, password)) return end(socket);
    if (fault === "busy") socket.end("BUSY\r\n");
    else if (fault === "garbles") socket.end(`<html>${password}</html>`);
    else {
      if (action === "q") orders.push({ at: Date.now(), order: "look" });
      else turn(1, action === "n" ? "on" : "off");
      const told = action === "q" ? relays[0] === 1 : action === "n";
      socket.end(told ? "ON\r\n" : "OFF\r\n");
    }
    return bytes.length;
  }

  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => {});
    let [waiting, greeted] = [Buffer.alloc(0), false];
    socket.on("data", (piece) => {
      waiting = Buffer.concat([waiting, piece]);
      if (fault === "hangs") return;
      if (waiting[0] === 0x1b) return void text(socket, waiting);
      if (fault === "busy") return void end(socket);
      if (!greeted) {
        if (waiting.length < 9 || waiting.toString("latin1", 0, 9) !== "hello-000") return;
        greeted = true;
        waiting = waiting.subarray(9);
        const sequence = kind.sequence ?? 1_000;
        return say(socket, [sequence & 0xff, sequence >> 8]);
      }
      waiting = waiting.subarray(dxp(socket, waiting));
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    ...{ port: (server.address() as AddressInfo).port, orders, commands, relays },
    logins: () => logins,
    connections: () => open.size,
    fault(next: PeerFault) {
      fault = next;
    },
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function end(socket: Socket): number {
  socket.end();
  return 0;
}
