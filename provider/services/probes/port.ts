import { connect } from "node:net";
import type { Context } from "../../kernel/context.ts";
import type { Probe } from "./probe.ts";

/** Why a connection did not come about, in words; else what `meet` made of it. */
export type Met = { readonly answers: boolean; readonly words: string };

/** A TCP port that opens. */
export const portProbe = (port: number): Probe => ({
  name: `port ${port}`,
  async ask(ctx, address) {
    const { answers, words } = await knock(ctx, address, port);
    return { answers, detail: `${address} ${words}` };
  },
});

const patience = 2_000;

/**
 * Connect and, with `greeting`, wait for the first bytes, which it judges; two seconds for each. The connection is
 * closed before this answers.
 */
export function knock(
  { signal }: Context,
  host: string,
  port: number,
  greeting?: (first: string) => boolean,
): Promise<Met> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answers: boolean, words: string) => {
      signal.removeEventListener("abort", cut);
      socket.destroy();
      resolve({ answers, words });
    };
    const cut = () => end(false, `was not heard to its end on port ${port}`);
    signal.addEventListener("abort", cut, { once: true });
    if (signal.aborted) return cut();
    let [open, first] = [false, ""];
    socket.setTimeout(patience, () =>
      end(false, open ? `says nothing on port ${port}` : `is silent on port ${port}`),
    );
    socket.once("connect", () => {
      open = true;
      if (greeting === undefined) end(true, `answers on port ${port}`);
    });
    socket.on("data", (piece) => {
      first += piece.toString("latin1");
      if (greeting?.(first)) end(true, `answers on port ${port}`);
      else if (first.length > 255) end(false, `says something else on port ${port}`);
    });
    socket.once("end", () => end(false, `closes port ${port} without a greeting`));
    socket.once("error", (error) => end(false, wordsOf(error, port)));
  });
}

function wordsOf(error: Error, port: number): string {
  const code = "code" in error ? error.code : undefined;
  if (code === "ECONNREFUSED") return `refuses port ${port}`;
  return code === "EHOSTUNREACH" || code === "ENETUNREACH"
    ? "is not to be reached"
    : `is silent on port ${port}`;
}
