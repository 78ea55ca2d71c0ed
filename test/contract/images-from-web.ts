import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect } from "vitest";
import { createImages, type Images, type ImagesOptions } from "../../provider/services/images/index.ts";
import { type Manners, startServer, type TestServer } from "./images-server.ts";

export const limits = { retries: 2, pause: "20 ms", stall: "2 seconds", keepPart: "64 KiB" };
export const content = randomBytes(3 * 2 ** 20);
export const checksumOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
export const checksum = checksumOf(content);

export interface ImagesFromWeb {
  /** The folder of the cache. */
  dir: string;
  /** The service under test; a test may open one with other limits. */
  images: Images;
  /** What it fetches from. */
  server: TestServer;
  /** Start that server, which gives `content` as `"one"` unless it is told otherwise, and open a service on the cache. */
  readonly begin: (
    manners?: Partial<Manners>,
    more?: Partial<ImagesOptions>,
    tls?: { key: string; cert: string },
  ) => Promise<{ location: string }>;
  /** Start another server, which is closed after the test as well. */
  readonly startServer: typeof startServer;
  /** Nothing is under way any more: no part, no lock, no connection. */
  readonly expectQuiet: () => Promise<void>;
}

/** For each test of a file a cache of its own, and a web server to fetch from once it has begun. */
export function imagesFromWeb(): ImagesFromWeb {
  const started: TestServer[] = [];
  const web: ImagesFromWeb = {
    dir: "",
    images: undefined as never,
    server: undefined as never,
    async startServer(manners, tls) {
      const server = await startServer(manners, tls);
      started.push(server);
      return server;
    },
    async begin(manners = {}, more = {}, tls = undefined) {
      web.server = await web.startServer({ content, etag: '"one"', ...manners }, tls);
      web.images = createImages({ dir: web.dir, limits, ...more });
      return { location: `${web.server.url}/disk.img` };
    },
    async expectQuiet() {
      expect(await readdir(join(web.dir, "work")).catch(() => [])).toEqual([]);
      for (let i = 0; i < 50 && web.server.sockets() > 0; i++) await pause(20);
      expect(web.server.sockets()).toBe(0);
    },
  };
  beforeEach(async () => {
    web.dir = await mkdtemp(join(tmpdir(), "images-web-"));
  });
  afterEach(async () => {
    for (const one of started.splice(0)) await one.close();
    await rm(web.dir, { recursive: true, force: true });
  });
  return web;
}
