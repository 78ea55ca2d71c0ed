import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";
import { execa } from "execa";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
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

describe("over http with a checksum", () => {
  it("nothing is fetched at preview, and the whole file once afterwards", async () => {
    const source = { ...(await begin()), checksum };
    expect(await images.resolve(ctx, source)).toEqual({ digest: checksum, size: content.length });
    expect(server.gets()).toBe(0);
    const cached = await images.ensure(ctx, source);
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    await images.ensure(ctx, source);
    expect(server.gets()).toBe(1);
    expect(await images.resolve(ctx, source)).toMatchObject({ format: "raw", virtualSize: content.length });
    await expectQuiet();
  });

  it("ten callers at once cause one fetch", async () => {
    const source = { ...(await begin({ slow: 5 })), checksum };
    const all = await Promise.all(Array.from({ length: 10 }, () => images.ensure(ctx, source)));
    expect(new Set(all.map(({ path }) => path)).size).toBe(1);
    expect(server.gets()).toBe(1);
    await expectQuiet();
  });

  it("the caller who fetches may be cancelled: another goes on where it stood", async () => {
    const source = { ...(await begin({ slow: 10 })), checksum };
    const own = new AbortController();
    const first = images.ensure(newContext({ signal: own.signal }), source);
    await pause(250);
    const second = images.ensure(ctx, source);
    await pause(100);
    own.abort();
    await expect(first).rejects.toThrow(/abort/i);
    expect(checksumOf(await readFile((await second).path))).toBe(checksum);
    expect(server.requests.map(({ range }) => range === undefined)).toEqual([true, false]);
    await expectQuiet();
  });

  it("a cut connection is gone on with by range", async () => {
    const source = { ...(await begin({ cuts: [1_000_000, 500_000] })), checksum };
    const cached = await images.ensure(ctx, source);
    expect(cached.digest).toBe(checksum);
    const [first, second, third] = server.requests.map(({ range }) => range);
    expect([first, second]).toEqual([undefined, expect.stringMatching(/^bytes=\d+-$/)]);
    expect(Number(third?.slice(6, -1))).toBeGreaterThan(Number(second?.slice(6, -1)));
    await expectQuiet();
  });

  it("a server without ranges is begun with again", async () => {
    const source = { ...(await begin({ cuts: [1_000_000], ranges: false })), checksum };
    expect((await images.ensure(ctx, source)).digest).toBe(checksum);
    expect(server.gets()).toBe(2);
    await expectQuiet();
  });

  it("a file that changes between the pieces is begun with again", async () => {
    const source = {
      ...(await begin({ cuts: [1_000_000], content: randomBytes(content.length) })),
      checksum,
    };
    const ensuring = images.ensure(newContext({ log: turning(() => turn()) }), source);
    const turn = () => Object.assign(server.manners, { content, etag: '"two"' });
    expect((await ensuring).digest).toBe(checksum);
    expect(server.requests[1]?.range).toBeDefined();
    await expectQuiet();
  });

  it("trouble of the server that passes is waited out", async () => {
    const source = { ...(await begin({ statuses: [503, 429] })), checksum };
    expect((await images.ensure(ctx, source)).digest).toBe(checksum);
    expect(server.gets()).toBe(3);
  });

  it("redirects are followed", async () => {
    const hops = (path: string) => (path.length < 8 ? `${path}x` : undefined);
    await begin({ redirect: hops });
    const cached = await images.ensure(ctx, { location: `${server.url}/`, checksum });
    expect(cached.digest).toBe(checksum);
  });

  it("progress tells percent, rate and what is left", async () => {
    const source = { ...(await begin({ slow: 25 })), checksum };
    const seen: Progress[] = [];
    await images.ensure(newContext({ report: (progress) => seen.push(progress) }), source);
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

describe("a bad source is refused:", () => {
  const wrong = `sha256:${"0".repeat(64)}`;
  it.for([
    ["absent", { statuses: [404, 404] }, checksum, "IMAGE_MISSING"],
    ["forbidden", { statuses: [403] }, checksum, "IMAGE_REFUSED"],
    ["broken for good", { statuses: [500, 500, 500, 500] }, checksum, "IMAGE_UNREACHABLE"],
    ["another content", {}, wrong, "IMAGE_WRONG_DIGEST"],
    [
      "always cut at the same place",
      { ranges: false, cuts: [9e5, 9e5, 9e5, 9e5] },
      checksum,
      "IMAGE_TRUNCATED",
    ],
    ["shorter than announced", { ranges: false, lie: 512 }, checksum, "IMAGE_TRUNCATED"],
    [
      "chunks that end early",
      { chunked: true, cuts: [9e5, 9e5, 9e5, 9e5], etag: "" },
      checksum,
      "IMAGE_TRUNCATED",
    ],
    ["redirects in a circle", { redirect: (path: string) => path }, checksum, "IMAGE_BAD_SERVER"],
    ["redirects to a file", { redirect: () => "file:///etc/passwd" }, checksum, "IMAGE_BAD_SERVER"],
    ["empty", { content: Buffer.alloc(0) }, checksumOf(Buffer.alloc(0)), "IMAGE_EMPTY"],
  ] as const)("%s", async ([, manners, checksum, code]) => {
    const { statuses, cuts, ...rest } = manners as Partial<Manners>;
    const source = await begin({
      ...rest,
      ...(statuses ? { statuses: [...statuses] } : {}),
      ...(cuts ? { cuts: [...cuts] } : {}),
    });
    images = createImages({ dir, limits: { ...limits, keepPart: "64 MiB" } });
    await expect(images.ensure(ctx, { ...source, checksum })).rejects.toMatchObject({ code });
    expect(await images.list()).toEqual([]);
    await expectQuiet();
  });

  it("a server that has nothing to say, at preview", async () => {
    const source = { ...(await begin({ headRefused: true, statuses: [404] })), checksum };
    await expect(images.resolve(ctx, source)).rejects.toMatchObject({ code: "IMAGE_MISSING" });
    await expectQuiet();
  });

  it("nobody listens, without credentials or query in the words", async () => {
    await begin();
    await server.close();
    const location = `${server.url.replace("//", "//user:hunter2@")}/x.img?token=hunter3`;
    const error = await images.ensure(ctx, { location, checksum }).catch((error) => error);
    expect(error).toMatchObject({ code: "IMAGE_UNREACHABLE" });
    expect(error.message).toMatch(/nothing listens there/);
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/hunter/);
  });

  it("a server that stalls", async () => {
    const source = { ...(await begin({ slow: 60_000 })), checksum };
    images = createImages({ dir, limits: { ...limits, retries: 0, stall: "200 ms" } });
    await expect(images.ensure(ctx, source)).rejects.toMatchObject({ code: "IMAGE_TRUNCATED" });
  });

  it("more than the disk holds, before a byte of the body is kept", async () => {
    const source = { ...(await begin()), checksum };
    images = createImages({ dir, limits: { ...limits, reserve: "9000 TiB" } });
    await expect(images.ensure(ctx, source)).rejects.toMatchObject({ code: "IMAGE_NO_SPACE" });
    await expectQuiet();
  });
});

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
