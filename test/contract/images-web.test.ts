import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { createImages, type Images, type ImagesOptions } from "../../provider/services/images/index.ts";
import { type Manners, startServer, type TestServer } from "./images-server.ts";

const ctx = newContext();
const limits = { retries: 2, pause: "20 ms", stall: "2 seconds", keepPart: "64 KiB" };
const content = randomBytes(3 * 2 ** 20);
const checksumOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const checksum = checksumOf(content);

let dir = "";
let images: Images;
let server: TestServer;
const tls = { key: "", cert: "" };
const others: TestServer[] = [];

beforeAll(async () => {
  const made = await mkdtemp(join(tmpdir(), "images-tls-"));
  const [key, cert] = [join(made, "key"), join(made, "cert")];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await execa("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", cert, ...subject]);
  tls.key = await readFile(key, "utf8");
  tls.cert = await readFile(cert, "utf8");
  await rm(made, { recursive: true });
});
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "images-web-"));
});
afterEach(async () => {
  for (const one of [server, ...others.splice(0)]) await one.close();
  await rm(dir, { recursive: true, force: true });
});

async function begin(manners: Partial<Manners> = {}, secure = false, more: Partial<ImagesOptions> = {}) {
  server = await startServer({ content, etag: '"one"', ...manners }, secure ? tls : undefined);
  images = createImages({ dir, limits, ...(secure ? { ca: tls.cert } : {}), ...more });
  return { location: `${server.url}/disk.img` };
}

/** Nothing is under way any more: no part, no lock, no connection. */
async function expectQuiet(): Promise<void> {
  expect(await readdir(join(dir, "work")).catch(() => [])).toEqual([]);
  for (let i = 0; i < 50 && server.sockets() > 0; i++) await pause(20);
  expect(server.sockets()).toBe(0);
}

describe("cancelled", () => {
  async function cancelAfter(ms: number, source: { location: string; checksum: string }) {
    const own = new AbortController();
    const ensuring = images.ensure(newContext({ signal: own.signal }), source);
    const timer = setTimeout(() => own.abort(), ms);
    await expect(ensuring).rejects.toThrow(/abort/i);
    clearTimeout(timer);
  }

  it("a transfer leaves no file and no connection", async () => {
    const source = {
      ...(await begin({ slow: 20 }, false, { limits: { ...limits, keepPart: "64 MiB" } })),
      checksum,
    };
    await cancelAfter(200, source);
    await expectQuiet();
  });

  it("a long transfer leaves only its part, and goes on from there", async () => {
    const source = { ...(await begin({ slow: 20 })), checksum };
    await cancelAfter(300, source);
    const [folder] = await readdir(join(dir, "work"));
    expect((await readdir(join(dir, "work", folder ?? ""))).sort()).toEqual(["part", "part.json"]);
    server.manners.slow = 0;
    expect((await images.ensure(ctx, source)).digest).toBe(checksum);
    expect(server.requests[1]?.range).toMatch(/^bytes=[1-9]/);
    await expectQuiet();
  });

  it("a long transfer's part is forgotten with its digest", async () => {
    const source = { ...(await begin({ slow: 20 })), checksum };
    await cancelAfter(300, source);
    await images.forget(checksum);
    await expectQuiet();
  });

  it.for(["gzip", "xz", "zstd"])("the unpacking of %s leaves no file and no process", async (program) => {
    const packed = await pack(program);
    const source = { ...(await begin({ content: packed })), checksum: checksumOf(packed) };
    images = createImages({ dir, limits: { ...limits, keepPart: "900 MiB" } });
    const own = new AbortController();
    const ensuring = images.ensure(newContext({ signal: own.signal }), source);
    const unpacked = async () => {
      const [folder] = (await readdir(join(dir, "work")).catch(() => [])).filter(
        (name) => !/lock/.test(name),
      );
      return folder && stat(join(dir, "work", folder, "unpacked")).catch(() => undefined);
    };
    while (!(await unpacked())) await pause(2);
    own.abort();
    await expect(ensuring).rejects.toThrow(/abort/i);
    await expectQuiet();
    const { stdout } = await execa("ps", ["-eo", "args"]);
    expect(stdout).not.toContain(dir);
  });

  /** 160 MiB that take a while to unpack and no room to keep. */
  async function pack(program: string): Promise<Buffer> {
    const path = join(dir, "big");
    await writeFile(path, Buffer.alloc(160 * 2 ** 20, content.subarray(0, 16_384)));
    await execa(program, ["-1", "-k", path]);
    const [name] = (await readdir(dir)).filter((one) => one.startsWith("big."));
    return readFile(join(dir, name ?? ""));
  }
});

describe("over https without a checksum", () => {
  it("it is fetched at preview, once, and again only when the server tells of a change", async () => {
    const source = await begin({}, true);
    const first = await images.resolve(ctx, source);
    expect(first).toMatchObject({ digest: checksum, format: "raw", size: content.length });
    expect(await images.resolve(ctx, source)).toEqual(first);
    expect((await images.ensure(ctx, source)).digest).toBe(checksum);
    expect(server.gets()).toBe(1);
    await images.forget(checksum);
    expect(await images.resolve(ctx, source)).toEqual(first);
    expect(server.gets()).toBe(1);
    const next = Buffer.concat([content, Buffer.alloc(512)]);
    Object.assign(server.manners, { content: next, etag: '"two"' });
    expect((await images.resolve(ctx, source)).digest).toBe(checksumOf(next));
    expect(server.gets()).toBe(2);
    const planned = { ...source, checksum };
    await expect(images.ensure(ctx, planned)).rejects.toMatchObject({ code: "IMAGE_WRONG_DIGEST" });
    await expectQuiet();
  });

  it("ten callers at once cause one fetch, even where the server tells nothing", async () => {
    for (const etag of ['"one"', ""]) {
      const source = await begin({ etag, slow: 2 }, true);
      others.push(server);
      const all = await Promise.all(Array.from({ length: 10 }, () => images.resolve(ctx, source)));
      expect(new Set(all.map(({ digest }) => digest))).toEqual(new Set([checksum]));
      expect(server.gets()).toBe(1);
    }
  });

  it("a server that tells neither ETag nor Last-Modified is fetched from each time", async () => {
    const source = await begin({ etag: "" }, true);
    await images.resolve(ctx, source);
    await images.resolve(ctx, source);
    expect(server.gets()).toBe(2);
  });

  it("a body whose end cannot be known is refused", async () => {
    const source = await begin({ endless: true }, true);
    await expect(images.resolve(ctx, source)).rejects.toMatchObject({ code: "IMAGE_NO_LENGTH" });
    await expectQuiet();
  });

  it("a certificate nobody vouches for is refused at once", async () => {
    const source = await begin({}, true, { ca: undefined as never });
    images = createImages({ dir, limits });
    const error = await images.resolve(ctx, source).catch((error) => error);
    expect(error).toMatchObject({ code: "IMAGE_BAD_SERVER" });
    expect(error.message).toMatch(/certificate is self-signed/);
    expect(server.requests).toEqual([]);
  });

  it("a redirect to plain http is refused, with a checksum too", async () => {
    const source = await begin({}, true);
    const plain = await startServer({ content });
    others.push(plain);
    server.manners.redirect = () => `${plain.url}/disk.img`;
    for (const one of [source, { ...source, checksum }]) {
      await expect(images.ensure(ctx, one)).rejects.toMatchObject({ code: "IMAGE_UNSAFE_REDIRECT" });
    }
    expect(plain.requests).toEqual([]);
  });
});

describe("several processes", () => {
  const service = new URL("../../provider/services/images/index.ts", import.meta.url).href;
  const kernel = new URL("../../provider/kernel/context.ts", import.meta.url).href;

  async function startChild(source: { location: string; checksum: string }) {
    const script = join(dir, "child.mts");
    await writeFile(
      script,
      `import { createImages } from ${JSON.stringify(service)};
import { newContext } from ${JSON.stringify(kernel)};
const images = createImages({ dir: ${JSON.stringify(dir)}, limits: ${JSON.stringify(limits)} });
const { digest } = await images.ensure(newContext(), ${JSON.stringify(source)});
process.stdout.write(digest);
`,
    );
    return execaNode(script);
  }
  const execaNode = (script: string) => ({
    child: execa(process.execPath, ["--import", "tsx", script], { reject: false }),
  });

  it("fetch once", async () => {
    const source = { ...(await begin({ slow: 20 })), checksum };
    const children = [await startChild(source), await startChild(source)];
    const ours = images.ensure(ctx, source);
    for (const { child } of children) expect((await child).stdout).toBe(checksum);
    expect((await ours).digest).toBe(checksum);
    expect(server.gets()).toBe(1);
    await expectQuiet();
  });

  it("one that is killed is taken over from at once, where it stood", async () => {
    const source = { ...(await begin({ slow: 40 })), checksum };
    const { child } = await startChild(source);
    while (server.gets() === 0) await pause(20);
    await pause(600);
    child.kill("SIGKILL");
    await child;
    server.manners.slow = 0;
    const begun = Date.now();
    expect((await images.ensure(ctx, source)).digest).toBe(checksum);
    expect(Date.now() - begun).toBeLessThan(5_000);
    expect(server.requests[1]?.range).toMatch(/^bytes=[1-9]/);
    await expectQuiet();
  });
});
