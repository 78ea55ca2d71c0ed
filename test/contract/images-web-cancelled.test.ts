import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { createImages } from "../../provider/services/images/index.ts";
import { checksum, checksumOf, content, imagesFromWeb, limits } from "./images-from-web.ts";

const ctx = newContext();
const web = imagesFromWeb();

describe("cancelled", () => {
  /** Cancel a transfer once so many bytes of it lie here. */
  async function cancelAfter(bytes: number, source: { location: string; checksum: string }) {
    const own = new AbortController();
    const ensuring = web.images.ensure(newContext({ signal: own.signal }), source);
    while ((await arrived()) < bytes) await pause(5);
    own.abort();
    await expect(ensuring).rejects.toThrow(/abort/i);
  }

  async function arrived(): Promise<number> {
    const folders = await readdir(join(web.dir, "work")).catch(() => []);
    const parts = folders.map((name) => stat(join(web.dir, "work", name, "part")).catch(() => undefined));
    return Math.max(0, ...(await Promise.all(parts)).map((part) => part?.size ?? 0));
  }

  it("a transfer leaves no file and no connection", async () => {
    const source = {
      ...(await web.begin({ slow: 20 }, { limits: { ...limits, keepPart: "64 MiB" } })),
      checksum,
    };
    await cancelAfter(1, source);
    await web.expectQuiet();
  });

  it("a long transfer leaves only its part, and goes on from there", async () => {
    const source = { ...(await web.begin({ slow: 20 })), checksum };
    await cancelAfter(128 * 1024, source);
    const [folder] = await readdir(join(web.dir, "work"));
    expect((await readdir(join(web.dir, "work", folder ?? ""))).sort()).toEqual(["part", "part.json"]);
    web.server.manners.slow = 0;
    expect((await web.images.ensure(ctx, source)).digest).toBe(checksum);
    expect(web.server.requests[1]?.range).toMatch(/^bytes=[1-9]/);
    await web.expectQuiet();
  });

  it("a long transfer's part is forgotten with its digest", async () => {
    const source = { ...(await web.begin({ slow: 20 })), checksum };
    await cancelAfter(128 * 1024, source);
    await web.images.forget(checksum);
    await web.expectQuiet();
  });

  it.for(["gzip", "xz", "zstd"])("the unpacking of %s leaves no file and no process", async (program) => {
    const packed = await pack(program);
    const source = { ...(await web.begin({ content: packed })), checksum: checksumOf(packed) };
    web.images = createImages({ dir: web.dir, limits: { ...limits, keepPart: "900 MiB" } });
    const own = new AbortController();
    const ensuring = web.images.ensure(newContext({ signal: own.signal }), source);
    const unpacked = async () => {
      const [folder] = (await readdir(join(web.dir, "work")).catch(() => [])).filter(
        (name) => !/lock/.test(name),
      );
      return folder && stat(join(web.dir, "work", folder, "unpacked")).catch(() => undefined);
    };
    while (!(await unpacked())) await pause(2);
    own.abort();
    await expect(ensuring).rejects.toThrow(/abort/i);
    await web.expectQuiet();
    const { stdout } = await execa("ps", ["-eo", "args"]);
    expect(stdout).not.toContain(web.dir);
  });

  /** 160 MiB that take a while to unpack and no room to keep. */
  async function pack(program: string): Promise<Buffer> {
    const path = join(web.dir, "big");
    await writeFile(path, Buffer.alloc(160 * 2 ** 20, content.subarray(0, 16_384)));
    await execa(program, ["-1", "-k", path]);
    const [name] = (await readdir(web.dir)).filter((one) => one.startsWith("big."));
    return readFile(join(web.dir, name ?? ""));
  }
});
