import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { overHttps } from "../../provider/site/https/transport.ts";
import { overSocket, reviving } from "../../provider/site/transport.ts";

let folder = "";
let server: Server | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "socket-"));
});
afterEach(async () => {
  server?.close();
  await rm(folder, { recursive: true });
});

/** A helper that takes connections and dies before its first word, until it is revived. */
async function dying() {
  const socket = join(folder, "socket");
  let alive = false;
  let taken = 0;
  server = createServer((connection) => {
    connection.once("data", () => {
      taken += 1;
      if (!alive) return void connection.destroy();
      connection.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}");
    });
    connection.on("error", () => {});
  }).listen(socket);
  await once(server, "listening");
  const revive = vi.fn(async () => {
    alive = true;
  });
  return { transport: reviving(overSocket(socket), revive), revive, taken: () => taken };
}

describe("a helper that takes a connection in the middle of its death", () => {
  it("is brought back and asked again what may be asked twice", async () => {
    const { transport, revive, taken } = await dying();
    const { status, body } = await transport.send(newContext(), "/v1/nodes/plan", {});
    expect([status, await json(body)]).toEqual([200, {}]);
    expect([revive.mock.calls.length, taken()]).toEqual([1, 2]);
  });

  it("is not asked again for what may be once too often", async () => {
    const { transport, revive } = await dying();
    await expect(transport.send(newContext(), "/v1/perform", {})).rejects.toMatchObject({
      code: "ECONNRESET",
    });
    expect(revive).not.toHaveBeenCalled();
  });
});

describe("a service that takes a connection and says nothing", () => {
  it("is not waited for once its caller has gone", async () => {
    server = createServer((connection) => void connection.on("error", () => {})).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const gone = new AbortController();
    const transport = overHttps({ host: "127.0.0.1", port, shown: `https://127.0.0.1:${port}` });
    const sent = transport.send(newContext({ signal: gone.signal }), "/v1/about");
    await once(server, "connection");
    gone.abort(new Error("the user pressed Ctrl-C"));
    // Its own patience is fifteen seconds.
    const soon = new Promise((resolve) => setTimeout(resolve, 8_000, "still waiting").unref());
    await expect(Promise.race([sent, soon])).rejects.toThrow("the user pressed Ctrl-C");
  });
});
