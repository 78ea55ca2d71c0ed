import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** The cable between a machine's serial port and its controller, which stays plugged in while the machine is off. */
export interface SerialCable {
  /** Where the controller is plugged in: a port of 127.0.0.1. */
  readonly port: number;
  /** What was typed to the machine. */
  readonly typed: () => string;
  /** Say something in the machine's place. */
  readonly say: (text: string) => void;
  readonly unplug: () => Promise<void>;
}

/**
 * The machine connects to the socket `path` each time it is switched on. QEMU could listen itself, as OpenIPMI's manual has it:
 * then the simulator loses its connection with each power-off, tries again only every ten seconds, and misses the start of
 * each boot; and after it has lost bytes on their way it may never try again (`sol.c`: the answer to those stops the timer).
 */
export async function plugSerial(path: string): Promise<SerialCable> {
  const ends = { machine: new Set<Socket>(), controller: new Set<Socket>() };
  let typed = "";
  const side = (own: Set<Socket>, other: Set<Socket>, heard = (_: Buffer) => {}) =>
    createServer((socket) => {
      own.add(socket);
      socket.on("error", () => {}); // power was cut
      socket.on("close", () => own.delete(socket));
      socket.on("data", (bytes) => {
        heard(bytes);
        for (const end of other) end.write(bytes);
      });
    });
  const machine = side(ends.machine, ends.controller).listen(path);
  const controller = side(ends.controller, ends.machine, (bytes) => {
    typed += bytes.toString("latin1");
  }).listen(0, "127.0.0.1");
  await Promise.all([once(machine, "listening"), once(controller, "listening")]);
  const close = async (server: Server) => {
    server.close();
    await once(server, "close");
  };
  return {
    port: (controller.address() as AddressInfo).port,
    typed: () => typed,
    say(text) {
      for (const end of ends.controller) end.write(text);
    },
    async unplug() {
      for (const end of [...ends.machine, ...ends.controller]) end.destroy();
      await Promise.all([close(machine), close(controller)]);
    },
  };
}
