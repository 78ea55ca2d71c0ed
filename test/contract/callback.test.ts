import { once } from "node:events";
import { request } from "node:http";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { lineLogger } from "../../provider/kernel/log.ts";
import type { Announcement } from "../../provider/services/callback/announcement.ts";
import { keysMatch } from "../../provider/services/callback/key.ts";
import {
  type Callback,
  type CallbackOptions,
  startCallback,
} from "../../provider/services/callback/server.ts";
import { sendWord } from "../../provider/services/callback/word.ts";

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close();
});

const body = "i=7&k=s3cret&a=127.0.0.1&n=iqn-0a1b";
const lines: string[] = [];
const ctx = newContext({ log: lineLogger((line) => lines.push(line)) });

async function listen(accept: CallbackOptions["accept"] = async () => ({ ok: true }), host = "127.0.0.1") {
  const callback = await startCallback(ctx, { host, port: 0, accept });
  open.push(callback);
  return callback;
}

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
}
function ask({ port }: Callback, text = body, { method = "POST", path = "/", headers = {} }: Asked = {}) {
  return new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, method, path, headers, agent: false }, async (answer) => {
      let text = "";
      for await (const piece of answer) text += piece;
      resolve({ status: answer.statusCode, text });
    });
    call.on("error", reject);
    call.end(text);
  });
}

async function newPeer(onConnection: Parameters<typeof createServer>[1]) {
  const server: Server = createServer(onConnection).listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push({ close: () => server.close() });
  return (server.address() as AddressInfo).port;
}

describe("the call-back", () => {
  it.for(["/", "/v1/nodes/7?x=1", "/%zz", "//evil/../x"])(
    "accepts a POST to %s with an empty 200",
    async (path) => {
      const heard: Announcement[] = [];
      const callback = await listen(async (announcement) => {
        heard.push(announcement);
        return { ok: true };
      });
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      expect(await ask(callback, body, { path, headers })).toEqual({ status: 200, text: "" });
      expect(await ask(callback, body, { path })).toEqual({ status: 200, text: "" });
      expect(await ask(callback, body, { path, headers: { "content-type": "text;;x" } })).toMatchObject({
        status: 200,
      });
      expect(heard).toHaveLength(3);
      expect(heard[0]).toMatchObject({
        deployment: "7",
        key: "s3cret",
        address: "127.0.0.1",
        iqn: "iqn-0a1b",
      });
    },
  );

  it.for(["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "TRACE"])(
    "answers 501 to %s",
    async (method) => {
      expect(await ask(await listen(), "", { method })).toMatchObject({ status: 501 });
    },
  );

  it("answers 400 with one line to a wrong key, a missing field and a body that is too large", async () => {
    const callback = await listen(async ({ key }) =>
      keysMatch(key, "other") ? { ok: true } : { ok: false, reason: "key is not match" },
    );
    expect(await ask(callback)).toEqual({ status: 400, text: "key is not match" });
    expect(await ask(callback, "i=7")).toEqual({ status: 400, text: "parameter 'k' is not defined" });
    expect(await ask(callback, "")).toEqual({ status: 400, text: "parameter 'i' is not defined" });
    const large = await ask(callback, `${body}&o=${"x".repeat(70_000)}`).catch(() => ({ status: 400 }));
    expect(large).toMatchObject({ status: 400 });
  });

  it("tells a node seen through an IPv4-mapped address by its IPv4 one", async () => {
    const heard: string[] = [];
    const callback = await listen(async ({ peer, address }) => {
      heard.push(peer, address);
      return { ok: true };
    }, "::");
    expect(await ask(callback)).toMatchObject({ status: 200 });
    expect(heard).toEqual(["127.0.0.1", "127.0.0.1"]);
  });

  it("asks the ramdisk to come again when the site could not judge, without its reason", async () => {
    const callback = await listen(async () => {
      throw new Error("the store is shut");
    });
    expect(await ask(callback)).toEqual({
      status: 400,
      text: "the deploy helper could not judge this: announce again",
    });
  });

  it("is content with HTTP/1.0 without a Host", async () => {
    const { port } = await listen();
    const socket = connect(port, "127.0.0.1");
    socket.end(`POST / HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    let answer = "";
    for await (const piece of socket) answer += piece;
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("ends a request that does not come to its end, and serves others meanwhile", async () => {
    const callback = await listen();
    const slow = connect(callback.port, "127.0.0.1");
    slow.on("error", () => {});
    slow.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\ni=7");
    const started = Date.now();
    expect(await ask(callback)).toMatchObject({ status: 200 });
    slow.resume();
    await once(slow, "close");
    expect(Date.now() - started).toBeLessThan(9_000);
  });

  it("never logs a key", async () => {
    const callback = await listen();
    await ask(callback);
    await ask(callback, `${body}&p=x`);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join("\n")).not.toContain("s3cret");
  });

  it("names the program that has its port", async () => {
    const { port } = await listen();
    const second = startCallback(ctx, { host: "127.0.0.1", port, accept: async () => ({ ok: true }) });
    await expect(second).rejects.toMatchObject({
      code: "CALLBACK_PORT_TAKEN",
      message: expect.stringMatching(new RegExp(`127.0.0.1:${port}: .*\\(pid ${process.pid}\\)`)),
    });
  });

  it("says why it cannot listen on an address that is not this host's", async () => {
    const try_ = startCallback(ctx, { host: "192.0.2.1", port: 0, accept: async () => ({ ok: true }) });
    await expect(try_).rejects.toMatchObject({ code: "CALLBACK_CANNOT_LISTEN" });
  });

  it("ends with the signal, open connections too, and closing again does no harm", async () => {
    const cancel = new AbortController();
    const accept = () => new Promise<never>(() => {});
    const callback = await startCallback(newContext({ signal: cancel.signal }), {
      host: "127.0.0.1",
      port: 0,
      accept,
    });
    const asked = ask(callback).catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 100));
    cancel.abort(new Error("enough"));
    await callback.close();
    await asked;
    await expect(ask(callback)).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe("the word to the ramdisk", () => {
  const fast = newContext({ clock: { now: () => 0, sleep: async () => {} } });

  it("arrives, and the connection is closed", async () => {
    let heard = "";
    const port = await newPeer((socket) => socket.on("data", (piece) => (heard += piece)));
    await sendWord(ctx, "127.0.0.1", "done", port);
    expect(heard).toBe("done");
  });

  it("counts as told when the node resets the connection after it", async () => {
    const port = await newPeer((socket) => socket.on("data", () => socket.resetAndDestroy()));
    await sendWord(fast, "127.0.0.1", "done", port);
  });

  it("is sent again until somebody listens", async () => {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    let slept = 0;
    const late = createServer((socket) => socket.resume());
    const sleep = async () => {
      if (++slept === 3) await once(late.listen(port, "127.0.0.1"), "listening");
    };
    await sendWord(newContext({ clock: { now: () => 0, sleep } }), "127.0.0.1", "done", port);
    expect(slept).toBe(3);
    late.close();
  });

  it("gives up after ten tries, in words", async () => {
    await expect(sendWord(fast, "127.0.0.1", "done", 1)).rejects.toMatchObject({
      code: "CALLBACK_NO_LISTENER",
      message: expect.stringContaining("asked 10 times"),
    });
  });

  it("ends with the signal", async () => {
    const cancel = new AbortController();
    const told = sendWord(newContext({ signal: cancel.signal }), "127.0.0.1", "done", 1);
    setTimeout(() => cancel.abort(new Error("enough")), 50);
    await expect(told).rejects.toThrow("enough");
  });
});
