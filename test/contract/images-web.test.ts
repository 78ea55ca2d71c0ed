import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import { checksum, checksumOf, content, imagesFromWeb } from "./images-from-web.ts";

const ctx = newContext();
const web = imagesFromWeb();

describe("over http with a checksum", () => {
  it("nothing is fetched at preview, and the whole file once afterwards", async () => {
    const source = { ...(await web.begin()), checksum };
    expect(await web.images.resolve(ctx, source)).toEqual({ digest: checksum, size: content.length });
    expect(web.server.gets()).toBe(0);
    const cached = await web.images.ensure(ctx, source);
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    await web.images.ensure(ctx, source);
    expect(web.server.gets()).toBe(1);
    expect(await web.images.resolve(ctx, source)).toMatchObject({
      format: "raw",
      virtualSize: content.length,
    });
    await web.expectQuiet();
  });

  it("ten callers at once cause one fetch", async () => {
    const source = { ...(await web.begin({ slow: 5 })), checksum };
    const all = await Promise.all(Array.from({ length: 10 }, () => web.images.ensure(ctx, source)));
    expect(new Set(all.map(({ path }) => path)).size).toBe(1);
    expect(web.server.gets()).toBe(1);
    await web.expectQuiet();
  });

  it("the caller who fetches may be cancelled: another goes on where it stood", async () => {
    const source = { ...(await web.begin({ slow: 10 })), checksum };
    const own = new AbortController();
    const first = web.images.ensure(newContext({ signal: own.signal }), source);
    await pause(250);
    const second = web.images.ensure(ctx, source);
    await pause(100);
    own.abort();
    await expect(first).rejects.toThrow(/abort/i);
    expect(checksumOf(await readFile((await second).path))).toBe(checksum);
    expect(web.server.requests.map(({ range }) => range === undefined)).toEqual([true, false]);
    await web.expectQuiet();
  });

  it("a cut connection is gone on with by range", async () => {
    const source = { ...(await web.begin({ cuts: [1_000_000, 500_000] })), checksum };
    const cached = await web.images.ensure(ctx, source);
    expect(cached.digest).toBe(checksum);
    const [first, second, third] = web.server.requests.map(({ range }) => range);
    expect([first, second]).toEqual([undefined, expect.stringMatching(/^bytes=\d+-$/)]);
    expect(Number(third?.slice(6, -1))).toBeGreaterThan(Number(second?.slice(6, -1)));
    await web.expectQuiet();
  });

  it("a server without ranges is begun with again", async () => {
    const source = { ...(await web.begin({ cuts: [1_000_000], ranges: false })), checksum };
    expect((await web.images.ensure(ctx, source)).digest).toBe(checksum);
    expect(web.server.gets()).toBe(2);
    await web.expectQuiet();
  });

  it("a file that changes between the pieces is begun with again", async () => {
    const source = {
      ...(await web.begin({ cuts: [1_000_000], content: randomBytes(content.length) })),
      checksum,
    };
    const ensuring = web.images.ensure(newContext({ log: turning(() => turn()) }), source);
    const turn = () => Object.assign(web.server.manners, { content, etag: '"two"' });
    expect((await ensuring).digest).toBe(checksum);
    expect(web.server.requests[1]?.range).toBeDefined();
    await web.expectQuiet();
  });

  it("trouble of the server that passes is waited out", async () => {
    const source = { ...(await web.begin({ statuses: [503, 429] })), checksum };
    expect((await web.images.ensure(ctx, source)).digest).toBe(checksum);
    expect(web.server.gets()).toBe(3);
  });

  it("redirects are followed", async () => {
    const hops = (path: string) => (path.length < 8 ? `${path}x` : undefined);
    await web.begin({ redirect: hops });
    const cached = await web.images.ensure(ctx, { location: `${web.server.url}/`, checksum });
    expect(cached.digest).toBe(checksum);
  });

  it("progress tells percent, rate and what is left", async () => {
    const source = { ...(await web.begin({ slow: 25 })), checksum };
    const seen: Progress[] = [];
    await web.images.ensure(newContext({ report: (progress) => seen.push(progress) }), source);
    const middle = seen.find(({ percent }) => percent !== undefined && percent < 100);
    expect(middle).toMatchObject({
      stage: "fetching image",
      rate: expect.any(Number),
      left: expect.any(Number),
    });
    expect(seen.at(-1)?.percent).toBe(100);
  });
});

/** A logger that lets a test act between two attempts. */
function turning(act: () => void) {
  const log = { info: () => {}, warn: act, error: () => {}, with: () => log };
  return log;
}
