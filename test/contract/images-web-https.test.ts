import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { checksum, checksumOf, content, imagesFromWeb } from "./images-from-web.ts";
import type { Manners } from "./images-server.ts";

const ctx = newContext();
const web = imagesFromWeb();
const tls = { key: "", cert: "" };

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

/** Begin with a server whose certificate is vouched for. */
const begin = (manners: Partial<Manners> = {}) => web.begin(manners, { ca: tls.cert }, tls);

describe("over https without a checksum", () => {
  it("it is fetched at preview, once, and again only when the server tells of a change", async () => {
    const source = await begin();
    const first = await web.images.resolve(ctx, source);
    expect(first).toMatchObject({ digest: checksum, format: "raw", size: content.length });
    expect(await web.images.resolve(ctx, source)).toEqual(first);
    expect((await web.images.ensure(ctx, source)).digest).toBe(checksum);
    expect(web.server.gets()).toBe(1);
    await web.images.forget(checksum);
    expect(await web.images.resolve(ctx, source)).toEqual(first);
    expect(web.server.gets()).toBe(1);
    const next = Buffer.concat([content, Buffer.alloc(512)]);
    Object.assign(web.server.manners, { content: next, etag: '"two"' });
    expect((await web.images.resolve(ctx, source)).digest).toBe(checksumOf(next));
    expect(web.server.gets()).toBe(2);
    const planned = { ...source, checksum };
    await expect(web.images.ensure(ctx, planned)).rejects.toMatchObject({ code: "IMAGE_WRONG_DIGEST" });
    await web.expectQuiet();
  });

  it("ten callers at once cause one fetch, even where the server tells nothing", async () => {
    for (const etag of ['"one"', ""]) {
      const source = await begin({ etag, slow: 2 });
      const all = await Promise.all(Array.from({ length: 10 }, () => web.images.resolve(ctx, source)));
      expect(new Set(all.map(({ digest }) => digest))).toEqual(new Set([checksum]));
      expect(web.server.gets()).toBe(1);
    }
  });

  it("a server that tells neither ETag nor Last-Modified is fetched from each time", async () => {
    const source = await begin({ etag: "" });
    await web.images.resolve(ctx, source);
    await web.images.resolve(ctx, source);
    expect(web.server.gets()).toBe(2);
  });

  it("a body whose end cannot be known is refused", async () => {
    const source = await begin({ endless: true });
    await expect(web.images.resolve(ctx, source)).rejects.toMatchObject({ code: "IMAGE_NO_LENGTH" });
    await web.expectQuiet();
  });

  it("a certificate nobody vouches for is refused at once", async () => {
    const source = await web.begin({}, {}, tls);
    const error = await web.images.resolve(ctx, source).catch((error) => error);
    expect(error).toMatchObject({ code: "IMAGE_BAD_SERVER" });
    expect(error.message).toMatch(/certificate is self-signed/);
    expect(web.server.requests).toEqual([]);
  });

  it("a redirect to plain http is refused, with a checksum too", async () => {
    const source = await begin();
    const plain = await web.startServer({ content });
    web.server.manners.redirect = () => `${plain.url}/disk.img`;
    for (const one of [source, { ...source, checksum }]) {
      await expect(web.images.ensure(ctx, one)).rejects.toMatchObject({ code: "IMAGE_UNSAFE_REDIRECT" });
    }
    expect(plain.requests).toEqual([]);
  });
});
