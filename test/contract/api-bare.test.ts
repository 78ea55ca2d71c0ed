import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createApi } from "../../provider/api/server.ts";
import { silent } from "../../provider/kernel/log.ts";
import type { Site } from "../../provider/site/site.ts";

let app: FastifyInstance;
let port: number;
let refused: string[];
beforeEach(async () => {
  refused = [];
  app = createApi({
    ...{ site: {} as Site, log: silent, busy: () => {} },
    refused: ({ code }) => refused.push(code),
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  ({ port } = app.server.address() as AddressInfo);
});
afterEach(() => app.close());

/** Say this at once, and hear all that comes back until the connection ends; fails where it is cut off. */
async function said(text: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let heard = "";
  socket.on("data", (piece) => {
    heard += piece;
  });
  const ended = once(socket, "close");
  socket.end(text);
  await ended;
  return heard;
}

it("tells a client whose head is too long, although it still sends, and refuses it once", async () => {
  const heard = await said(`GET /v1/about HTTP/1.1\r\nHost: x\r\nX: ${"a".repeat(8_000_000)}`);
  expect(heard).toMatch(/^HTTP\/1\.1 431 [\s\S]*"REQUEST_TOO_LARGE"[\s\S]*\}$/);
  expect(refused).toEqual(["REQUEST_TOO_LARGE"]);
});

it("tells whoever speaks no HTTP, and refuses what comes after it no second time", async () => {
  const heard = await said(`hello\r\n\r\n${"x".repeat(8_000_000)}`);
  expect(heard).toMatch(/^HTTP\/1\.1 400 [\s\S]*"REQUEST_NOT_HTTP"/);
  expect(refused).toEqual(["REQUEST_NOT_HTTP"]);
});
