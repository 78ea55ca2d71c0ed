import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type Duration, toMs } from "../../../provider/kernel/units.ts";

/** The first line that a server says on a port, asked until it answers. Throws after `limit`. */
export async function readBanner(host: string, limit: Duration | string, port = 22): Promise<string> {
  const end = Date.now() + toMs(limit);
  let reason = "";
  while (Date.now() < end) {
    const heard = await readOnce(host, port).catch((error: Error) => {
      reason = error.message;
      return "";
    });
    if (heard !== "") return heard;
    await pause(150);
  }
  throw new Error(`${host}:${port} did not answer within ${limit}: ${reason}`);
}

function readOnce(host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let text = "";
    socket.setTimeout(2_000, () => socket.destroy(new Error("silence")));
    socket.on("error", reject);
    socket.on("close", () => resolve(""));
    socket.on("data", (piece) => {
      text += piece.toString("latin1");
      if (!text.includes("\n")) return;
      resolve(text.split(/\r?\n/)[0] ?? "");
      socket.destroy();
    });
  });
}
