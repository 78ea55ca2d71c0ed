import type { Context } from "../../../kernel/context.ts";
import { converse } from "../../../kernel/process.ts";
import type { ConsoleEnd } from "../driver.ts";
import { type Access, commandOf } from "./ipmitool.ts";

/** What ipmitool 1.8.19 says itself, in the middle of what the server says. */
const own = /\[SOL Session operational\. {2}Use \S+ for help\]\r?\n?|~\. \[terminated ipmitool\]\r?\n?/g;
const taken = /SOL payload already active on another session/i;

/**
 * Serial-over-LAN by ipmitool, until the context ends. It is ended by its own escape, which closes the session at the
 * controller: one that is only killed keeps everybody else out until it times out. Nothing else is ever typed, and no other
 * session is ended: IPMI 2.0 has one for a server.
 */
export async function listenSol(
  { signal }: Context,
  settings: Access,
  suite: number,
  hear: (piece: string) => void,
): Promise<ConsoleEnd> {
  signal.throwIfAborted();
  const { file, args, env } = commandOf(settings, { suite, pace: "quick", words: ["sol", "activate"] });
  const session = converse(file, args, { env });
  const text = new TextDecoder(); // what is no UTF-8 is shown as such
  session.says.on("data", (piece: Buffer) => hear(text.decode(piece, { stream: true }).replace(own, "")));
  session.reads.on("error", () => {}); // it may have ended by itself
  let last: NodeJS.Timeout | undefined;
  const leave = () => {
    session.reads.write("~.");
    last = setTimeout(session.stop, 5_000);
  };
  signal.addEventListener("abort", leave, { once: true });
  const { stderr } = await session.ended;
  signal.removeEventListener("abort", leave);
  clearTimeout(last);
  return { taken: taken.test(stderr), reason: reasonOf(stderr) };
}

/** Its last word, which says why. Without a terminal it complains of that too. */
function reasonOf(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const word = lines.filter((line) => line !== "" && !line.startsWith("tcgetattr")).at(-1);
  return (word ?? "the session ended").replace(/^(Info|Error)\s*: /, "");
}
