import { createInterface } from "node:readline";
import { Writable } from "node:stream";

/** Ask for a secret at the terminal without showing what is typed; where stdin is none, its first line is taken. */
export async function readSecret(question: string, signal: AbortSignal): Promise<string> {
  const terminal = process.stdin.isTTY === true;
  if (terminal) process.stderr.write(question);
  const nowhere = new Writable({ write: (_piece, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once("line", resolve);
      lines.once("close", () => reject(signal.aborted ? signal.reason : new Error("no password was given")));
      // In a terminal's raw mode Ctrl-C is a key like any other.
      lines.once("SIGINT", () => process.kill(process.pid, "SIGINT"));
      signal.addEventListener("abort", () => lines.close(), { once: true });
    });
  } finally {
    lines.close();
    if (terminal) process.stderr.write("\n");
  }
}
