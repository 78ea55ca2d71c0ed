import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";

/** QEMU's own control line. */
export interface Monitor {
  /** A command as a person types it; throws what QEMU answers to it, if it answers anything. */
  readonly say: (command: string) => Promise<void>;
  readonly close: () => void;
}

interface Message {
  readonly QMP?: object;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

/** Connect to the QMP socket of a QEMU that is running. */
export async function openMonitor(path: string): Promise<Monitor> {
  const socket = connect(path);
  await once(socket, "connect");
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    for (;;) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error("QEMU closed its monitor");
      const message = JSON.parse(value) as Message;
      if (message.error) throw new Error(message.error.desc);
      if (message.QMP) return;
      // Events come in between.
      if ("return" in message) return message.return;
    }
  };
  const ask = async (execute: string, args: object = {}) => {
    socket.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    return await answer();
  };
  await answer();
  await ask("qmp_capabilities");
  return {
    async say(command) {
      const said = String(await ask("human-monitor-command", { "command-line": command })).trim();
      if (said !== "") throw new Error(`${command}: ${said}`);
    },
    close: () => socket.destroy(),
  };
}
