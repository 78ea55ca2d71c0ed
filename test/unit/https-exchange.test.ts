import { once } from "node:events";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { exchange } from "../../provider/services/https/exchange.ts";

let server: Server;
let port = 0;
let asked = 0;
beforeEach(async () => {
  asked = 0;
  server = createServer((question, answer) => {
    asked += 1;
    if (question.url === "/long") answer.end("x".repeat(2_000));
    if (question.url === "/well") answer.writeHead(418).end("short and stout");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
});
afterEach(() => server.close());

const ask = (path: string, signal = new AbortController().signal) =>
  exchange(newContext({ signal }), request({ host: "127.0.0.1", port, path, agent: false }), {
    ...{ most: 1_000, endless: () => new Error("it does not end") },
  });

it("hears an answer of any status", async () => {
  expect(await ask("/well")).toMatchObject({ status: 418, text: "short and stout" });
});

it("does not read on what is too long", async () => {
  await expect(ask("/long")).rejects.toThrow("it does not end");
});

it("sends nothing for who has gone before", async () => {
  await expect(ask("/well", AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
  await ask("/well");
  expect(asked).toBe(1);
});

it("ends with who waits for it", async () => {
  const own = new AbortController();
  const asking = ask("/silent", own.signal);
  asking.catch(() => {});
  await once(server, "request");
  own.abort(new Error("enough"));
  await expect(asking).rejects.toThrow("enough");
});
