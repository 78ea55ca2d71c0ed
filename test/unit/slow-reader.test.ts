import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createApi } from "../../provider/api/server.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { createFeed } from "../../provider/kernel/feed.ts";
import { silent } from "../../provider/kernel/log.ts";
import type { ConsoleLine } from "../../provider/services/console/line.ts";
import { clientOf } from "../../provider/site/client.ts";
import { createConsoles } from "../../provider/site/local/consoles.ts";
import { createJobs } from "../../provider/site/local/jobs.ts";
import type { Site } from "../../provider/site/site.ts";
import { overSocket } from "../../provider/site/transport.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slow-"));
});
afterEach(() => rm(folder, { recursive: true }));

const kilobyte = "x".repeat(1_024);
const never = new Promise<never>(() => {});

describe("a feed", () => {
  it("keeps what fits and the newest, in order, and counts what its reader missed", async () => {
    const pushes = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(pushes, fc.integer({ min: 1, max: 200 }), async (sizes, most) => {
        const feed = createFeed<{ n: number; size: number }>({ bytes: ({ size }) => size, most });
        for (const [n, size] of sizes.entries()) feed.push({ n, size });
        feed.end();
        let [next, kept] = [0, 0];
        for await (const { item, missed } of feed.items()) {
          expect(item.n).toBe(next + missed);
          next = item.n + 1;
          kept += item.size;
        }
        expect(next).toBe(sizes.length);
        expect(kept <= most || kept === sizes.at(-1)).toBe(true);
      }),
    );
  });
});

describe("who follows a console log and does not read", () => {
  /** Begin to follow, have `count` lines said meanwhile, then read what there is. */
  async function fallBehind(count: number, text: string): Promise<readonly ConsoleLine[]> {
    const consoles = createConsoles(newContext(), folder);
    const console = consoles.open("nodes/n1", []);
    const stop = new AbortController();
    const ctx = newContext({ signal: stop.signal });
    console.say("helper", "first");
    const reading = consoles.read(ctx, "nodes/n1", { follow: true }, never)[Symbol.asyncIterator]();
    const lines = [(await reading.next()).value as ConsoleLine];
    const second = reading.next();
    for (let n = 2; n <= count; n += 1) console.say("console", `${n} ${text}`);
    for (let { value, done } = await second; !done; { value, done } = await reading.next()) {
      lines.push(value as ConsoleLine);
      if (value?.n === count) stop.abort();
    }
    return lines;
  }

  it("gets each line from the file, where that has them still", async () => {
    const lines = await fallBehind(1_000, "x".repeat(200));
    expect(lines.map(({ n }) => n)).toEqual(Array.from({ length: 1_000 }, (_, at) => at + 1));
    expect(lines.filter(({ text }) => text.includes("left out"))).toEqual([]);
  });

  it("is told how many are gone where they came faster than the file could hold", async () => {
    const count = 2_000;
    const lines = await fallBehind(count, kilobyte);
    const gaps = lines.filter(({ text }) => text.includes("left out"));
    const missed = gaps.map(({ text }) => Number(/\d+/.exec(text)?.[0])).reduce((sum, n) => sum + n, 0);
    expect(gaps.length).toBeGreaterThan(0);
    expect(lines.length - gaps.length + missed).toBe(count);
    expect(lines.map(({ n }) => n)).toEqual(lines.map(({ n }) => n).toSorted((a, b) => a - b));
  });

  it("is told too when the connection was lost for longer than the file reaches back", async () => {
    const consoles = createConsoles(newContext(), folder);
    const console = consoles.open("nodes/n1", []);
    for (let n = 1; n <= 2_000; n += 1) console.say("console", `${n} ${kilobyte}`);
    const lines: ConsoleLine[] = [];
    for await (const line of consoles.read(newContext(), "nodes/n1", { after: 5 }, undefined))
      lines.push(line);
    const [told, first] = lines;
    expect(told?.text).toBe(
      `(${Number(first?.n) - 6} lines are left out here: they came faster than they were read)`,
    );
  });
});

it("who watches a job and does not read is told the newest, and how much he missed", async () => {
  const jobs = createJobs(newContext());
  const body = async (ctx: ReturnType<typeof newContext>) => {
    await setImmediate();
    for (let n = 1; n <= 5_000; n += 1) ctx.report({ stage: "writing", note: `${n}` });
    return {};
  };
  const running = jobs.run(newContext(), "nodes/n1", "d", body);
  const notes: string[] = [];
  for await (const { note = "" } of jobs.watch(newContext(), "nodes/n1")) notes.push(note);
  await running;
  const [first = "", ...others] = notes;
  expect(Number(/^\d+/.exec(first)?.[0]) + others.length).toBe(5_000);
  expect(first).toMatch(/^\d+ reports were left out/);
  expect(others.at(-1)).toBe("5000");
});

describe("a client of the API that does not read", () => {
  const path = () => join(folder, "s");
  let app: ReturnType<typeof createApi> | undefined;
  let socket: Socket | undefined;
  afterEach(async () => {
    socket?.destroy();
    await app?.close();
  });

  async function serve(site: Partial<Site>): Promise<Site> {
    app = createApi({ site: site as Site, log: silent, busy: () => {} });
    await app.listen({ path: path() });
    return clientOf(overSocket(path()));
  }
  /** Ask, and read nothing of the answer before `read`. */
  async function ask(head: string, body = "") {
    const client = connect(path());
    socket = client;
    client.pause();
    const type = body === "" ? "" : `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
    client.write(`${head} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${type}\r\n${body}`);
    return async () => {
      const pieces: Buffer[] = [];
      for await (const piece of client) pieces.push(piece as Buffer);
      return Buffer.concat(pieces).toString();
    };
  }

  it("holds up its own log alone, which goes on when it reads", async () => {
    const count = 10_000;
    let taken = 0;
    const site = await serve({
      async *console() {
        for (let n = 1; n <= count; n += 1) {
          taken = n;
          yield { n, at: "2026-11-27T10:00:00.000Z", from: "console", text: kilobyte };
        }
      },
      about: async () => ({ siteId: "s", version: "1", pid: 1, settings: "x", jobs: [] }),
    });
    const read = await ask("GET /v1/console/nodes/n1");
    await vi.waitFor(() => expect(taken).toBeGreaterThan(0), 30_000);
    let before = 0;
    do {
      before = taken;
      await site.about(newContext()); // and another one is answered meanwhile
    } while (taken > before);
    expect(taken).toBeLessThan(count / 5);
    const answer = await read();
    expect(answer.split('"heard"').length - 1).toBe(count);
  });

  it("misses progress of its work, is told how much, and the outcome", async () => {
    let reported = false;
    const ensure = async (ctx: ReturnType<typeof newContext>) => {
      for (let n = 1; n <= 5_000; n += 1) ctx.report({ stage: `${n}`, note: kilobyte });
      reported = true;
      return { done: true };
    };
    const nothing = { ensure } as Partial<Site["nodes"]> as Site["nodes"];
    await serve({ flavors: nothing });
    const spec = { cpus: 1, memory: "256 MiB", rootDisk: "1 GiB" };
    const ref = { owner: "org/shop/prod", name: "small" };
    const read = await ask("POST /v1/flavors/ensure", JSON.stringify({ ref, spec }));
    await vi.waitFor(() => expect(reported).toBe(true), 30_000);
    const answer = await read();
    expect(answer.length).toBeLessThan(600_000);
    const missed = Number(/(\d+) messages were left out/.exec(answer)?.[1]);
    expect(answer.split('"progress"').length - 1 + missed).toBe(5_000);
    expect(answer).toContain('{"result":{"done":true}}');
  });
});
