import { appendFile, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { createImages } from "../../provider/services/images/index.ts";
import { digestOf, localImages, qemuImg } from "./local-images.ts";

const ctx = newContext();
const local = localImages();
const { at } = local;

describe("a good image", () => {
  it.for([
    ["good.raw", "raw", undefined],
    ["good.qcow2", "qcow2", undefined],
    ["good.raw.gz", "raw", "gzip"],
    ["good.raw.xz", "raw", "xz"],
    ["good.qcow2.zst", "qcow2", "zstd"],
  ] as const)("%s arrives in the cache as %s", async ([name, format, compressed]) => {
    const content = await readFile(at(name));
    const source = { location: at(name), declaredFormat: format };
    const resolved = await local.images.resolve(ctx, source);
    const size = content.length;
    expect(resolved).toEqual({
      digest: digestOf(content),
      size,
      format,
      virtualSize: 8 * 2 ** 20,
      ...(compressed ? { compressed } : {}),
    });
    const cached = await local.images.ensure(ctx, source);
    expect(cached).toMatchObject({ format, virtualSize: 8 * 2 ** 20, digest: resolved.digest });
    expect((await readFile(cached.path)).length).toBe(cached.bytes);
    await qemuImg("compare", "-f", "raw", "-F", format, at("good.raw"), cached.path);
    expect((await stat(cached.path)).blocks * 512).toBeLessThan(2 * 2 ** 20);
    expect(await readdir(join(local.cache, "work"))).toEqual([]);
  });

  it("has the digest the program asked for, in sha512 too", async () => {
    const checksum = digestOf(await readFile(at("good.raw.xz")), "sha512");
    const cached = await local.images.ensure(ctx, { location: at("good.raw.xz"), checksum });
    expect(cached.digest).toBe(checksum);
  });

  it("as a plain file is kept byte for byte", async () => {
    const source = { location: at("good.raw.gz"), plainFile: true };
    const cached = await local.images.ensure(ctx, source);
    const content = await readFile(at("good.raw.gz"));
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    expect(await local.images.resolve(ctx, source)).toEqual({ digest: cached.digest, size: content.length });
    expect((await local.images.ensure(ctx, { location: at("good.raw.gz") })).bytes).toBe(8 * 2 ** 20);
  });

  it("is hashed once, and again only when the file changes", async () => {
    const path = at("changing.raw");
    await writeFile(path, Buffer.alloc(4096, 1));
    await pause(80);
    const notes: string[] = [];
    const listening = newContext({ report: ({ note }) => notes.push(note ?? "") });
    const first = await local.images.resolve(listening, { location: path });
    expect(notes).toEqual([`checking ${path}`]);
    expect(await local.images.resolve(listening, { location: path })).toEqual(first);
    expect(await createImages({ dir: local.cache }).resolve(listening, { location: path })).toEqual(first);
    expect(notes.length).toBe(1);
    await writeFile(path, Buffer.alloc(4096, 2));
    expect((await local.images.resolve(listening, { location: path })).digest).not.toBe(first.digest);
  });

  it("that changes later does not change in the cache", async () => {
    const path = at("later.raw");
    await writeFile(path, Buffer.alloc(4096, 1));
    const cached = await local.images.ensure(ctx, { location: path });
    await writeFile(path, Buffer.alloc(4096, 2));
    expect((await readFile(cached.path)).equals(Buffer.alloc(4096, 1))).toBe(true);
    const again = { location: path, checksum: cached.digest };
    expect((await local.images.ensure(ctx, again)).path).toBe(cached.path);
    await expect(local.images.resolve(ctx, again)).rejects.toMatchObject({ code: "IMAGE_WRONG_DIGEST" });
  });

  it("that is written to while it is read is refused", async () => {
    const path = at("growing.raw");
    await writeFile(path, Buffer.alloc(32 * 2 ** 20, 1));
    const resolving = local.images.resolve(ctx, { location: path });
    const growing = (async () => {
      for (let i = 0; i < 40; i++) {
        await appendFile(path, Buffer.alloc(512, 2));
        await pause(5);
      }
    })();
    await expect(resolving).rejects.toMatchObject({ code: "IMAGE_CHANGED" });
    await growing;
  });

  it("whose file in the cache was tampered with is fetched again", async () => {
    const cached = await local.images.ensure(ctx, { location: at("good.raw") });
    await rm(cached.path);
    await writeFile(cached.path, Buffer.alloc(cached.bytes));
    const again = await local.images.ensure(ctx, { location: at("good.raw") });
    expect(digestOf(await readFile(again.path))).toBe(cached.digest);
  });

  it("is listed and forgotten", async () => {
    const { digest, path } = await local.images.ensure(ctx, { location: at("good.qcow2") });
    expect(await local.images.list()).toMatchObject([
      { digest, path, source: at("good.qcow2"), plainFile: false },
    ]);
    await local.images.forget(digest);
    await local.images.forget(digest);
    await local.images.forget("../../etc");
    expect(await local.images.list()).toEqual([]);
    await expect(stat(path)).rejects.toThrow(/ENOENT/);
  });
});
