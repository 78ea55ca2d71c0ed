import { connect } from "node:net";
import type { Context } from "../../kernel/context.ts";
import { showWhere } from "./address.ts";
import { callbackErrors } from "./errors.ts";

const tries = 10;

/** Say a word to a waiting ramdisk: one TCP connection, the word, close; tried 10 times, 1 s apart. CALLBACK_NO_LISTENER. */
export async function sendWord(ctx: Context, address: string, word: string, port = 10_000): Promise<void> {
  const where = showWhere(address, port);
  // What follows may be a password.
  const [verb = ""] = word.split(" ");
  let reason = "";
  for (let n = 1; n <= tries; n++) {
    ctx.signal.throwIfAborted();
    try {
      await sendOnce(ctx.signal, address, port, word);
      ctx.log.info("the ramdisk was told to go on", { where, word: verb, tries: n });
      return;
    } catch (error) {
      ctx.signal.throwIfAborted();
      reason = error instanceof Error ? error.message : String(error);
    }
    if (n < tries) await ctx.clock.sleep(1_000, ctx.signal).catch(() => ctx.signal.throwIfAborted());
  }
  throw callbackErrors.make("CALLBACK_NO_LISTENER", { where, word: verb, tries, reason });
}

/** Settles within 3 s. */
function sendOnce(signal: AbortSignal, host: string, port: number, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let sent = false;
    let fault: Error | undefined;
    const socket = connect({ host, port });
    const end = (error?: Error) => {
      fault ??= error;
      socket.destroy();
    };
    const stop = () => end(new Error("aborted"));
    const timer = setTimeout(() => end(new Error("no answer within 3 seconds")), 3_000);
    signal.addEventListener("abort", stop, { once: true });
    socket.on("connect", () => socket.end(word, () => (sent = true)));
    socket.on("error", (error) => end(error));
    socket.on("close", () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      // A ramdisk that has the word may reboot without a proper goodbye: a reset after the word is no failure.
      if (sent) resolve();
      else reject(fault ?? new Error("the connection was closed before the word was sent"));
    });
    socket.resume();
  });
}
