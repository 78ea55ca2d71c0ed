import { createHash } from "node:crypto";
import {
  appendFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { execa } from "execa";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { createImages, type Images } from "../../provider/services/images/index.ts";
import { incompatibleBits, readQcow2Header } from "../../provider/services/images/qcow2.ts";
import { missingOfQcow2 } from "../../provider/services/images/whole.ts";

const ctx = newContext();
let dir = "";
let cache = "";
let images: Images;
const at = (name: string) => join(dir, name);
const qemuImg = (...args: string[]) => execa("qemu-img", args);
const digestOf = (content: Buffer, algorithm = "sha256") =>
  `${algorithm}:${createHash(algorithm).update(content).digest("hex")}`;
/** Patches bytes of a copy. */
async function patched(from: string, to: string, offset: number, bytes: string): Promise<void> {
  const content = await readFile(at(from));
  content.write(bytes, offset, "hex");
  await writeFile(at(to), content);
}

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "images-"));
  await makeGood();
  await makeBad();
  // What was written this instant is not remembered: its time stamp could be shared by the next write.
  await pause(80);
});
afterAll(() => rm(dir, { recursive: true, force: true }));
let count = 0;
beforeEach(() => {
  cache = at(`cache-${count++}`);
  images = createImages({ dir: cache });
});

async function makeGood(): Promise<void> {
  const raw = Buffer.alloc(8 * 2 ** 20);
  for (let i = 0; i < 20_000; i++) raw.writeUInt32LE((i * 2654435761) >>> 0, 2 ** 20 + i * 4);
  await writeFile(at("good.raw"), raw);
  await qemuImg("convert", "-f", "raw", "-O", "qcow2", at("good.raw"), at("good.qcow2"));
  await writeFile(at("good.raw.gz"), gzipSync(raw));
  await execa("xz", ["-k", at("good.raw")]);
  await execa("zstd", ["-q", "-k", at("good.qcow2")]);
}

async function makeBad(): Promise<void> {
  await qemuImg("create", "-q", "-f", "qcow2", "-b", at("good.qcow2"), "-F", "qcow2", at("backed"));
  await qemuImg("create", "-q", "-f", "qcow2", "-o", `data_file=${at("data")}`, at("external"), "8M");
  const secret = ["--object", "secret,id=s,data=hunter2", "-o", "encrypt.format=luks,encrypt.key-secret=s"];
  // It times itself to choose its number of rounds, and gives up where a busy machine lets it run for no measurable time.
  await vi.waitFor(() => qemuImg("create", "-q", "-f", "qcow2", ...secret, at("encrypted"), "8M"), 20_000);
  await patched("good.qcow2", "unknown-bit", 72, "8000000000000000");
  await patched("good.qcow2", "corrupt-bit", 72, "0000000000000002");
  await patched("good.qcow2", "version-1", 4, "00000001");
  await patched("good.qcow2", "wide-clusters", 20, "0000003f");
  await patched("good.qcow2", "short-l1", 24, "0000ffff00000000");
  await qemuImg("convert", "-O", "vmdk", at("good.raw"), at("vmdk"));
  await qemuImg("convert", "-O", "vpc", "-o", "subformat=fixed", at("good.raw"), at("vhd"));
  await execa("tar", ["-cf", at("tar"), "-C", dir, "good.qcow2"]);
  await writeFile(at("tar.gz"), gzipSync(await readFile(at("tar"))));
  await writeFile(at("twice.gz"), gzipSync(await readFile(at("good.raw.gz"))));
  await writeFile(at("page"), "<!doctype html><title>Not here</title>");
  await writeFile(at("empty"), "");
  await writeFile(at("empty.gz"), gzipSync(Buffer.alloc(0)));
  await mkdir(at("folder"));
  for (const name of ["good.qcow2", "good.raw.gz", "good.raw.xz", "good.qcow2.zst"]) {
    const content = await readFile(at(name));
    await writeFile(at(`cut-${name}`), content.subarray(0, Math.floor(content.length * 0.6)));
    const middle = Math.floor(content.length / 2);
    await patched(name, `bent-${name}`, middle, "deadbeefdeadbeefdeadbeefdeadbeef");
  }
  await execa("cp", [at("good.raw"), at("fs")]);
  await execa("mkfs.ext4", ["-q", "-F", at("fs")], {
    env: { PATH: `${process.env["PATH"]}:/sbin:/usr/sbin` },
  });
  await truncate(at("fs"), 7 * 2 ** 20);
}

describe("a bad image is refused at preview and by ensure, and leaves nothing in the cache:", () => {
  it.for([
    ["not there", "nowhere", "IMAGE_MISSING"],
    ["a folder", "folder", "IMAGE_UNREADABLE"],
    ["empty", "empty", "IMAGE_EMPTY"],
    ["empty when unpacked", "empty.gz", "IMAGE_EMPTY"],
    ["a difference to a backing file", "backed", "IMAGE_HAS_BACKING_FILE"],
    ["data in another file", "external", "IMAGE_HAS_DATA_FILE"],
    ["encrypted", "encrypted", "IMAGE_ENCRYPTED"],
    ["an unknown feature", "unknown-bit", "IMAGE_UNSAFE"],
    ["marked corrupt", "corrupt-bit", "IMAGE_UNSAFE"],
    ["version 1", "version-1", "IMAGE_UNSAFE"],
    ["impossible clusters", "wide-clusters", "IMAGE_UNSAFE"],
    ["larger than anything", "short-l1", "IMAGE_UNSAFE"],
    ["qcow2 cut", "cut-good.qcow2", "IMAGE_TRUNCATED"],
    ["gzip cut", "cut-good.raw.gz", "IMAGE_TRUNCATED"],
    ["xz cut", "cut-good.raw.xz", "IMAGE_TRUNCATED"],
    ["zstd cut", "cut-good.qcow2.zst", "IMAGE_TRUNCATED"],
    ["file system cut", "fs", "IMAGE_TRUNCATED"],
    ["gzip bent", "bent-good.raw.gz", "IMAGE_DAMAGED"],
    ["xz bent", "bent-good.raw.xz", "IMAGE_DAMAGED"],
    ["zstd bent", "bent-good.qcow2.zst", "IMAGE_DAMAGED"],
    ["VMDK", "vmdk", "IMAGE_UNKNOWN_FORMAT"],
    ["VHD", "vhd", "IMAGE_UNKNOWN_FORMAT"],
    ["tar", "tar", "IMAGE_UNKNOWN_FORMAT"],
    ["tar.gz", "tar.gz", "IMAGE_UNKNOWN_FORMAT"],
    ["compressed twice", "twice.gz", "IMAGE_UNKNOWN_FORMAT"],
    ["a web page", "page", "IMAGE_UNKNOWN_FORMAT"],
  ] as const)("%s (%s): %s", async ([, name, code]) => {
    const source = { location: at(name) };
    await expect(images.resolve(ctx, source)).rejects.toMatchObject({ code });
    await expect(images.ensure(ctx, source)).rejects.toMatchObject({ code });
    expect(await images.list()).toEqual([]);
    expect(await readdir(join(cache, "work")).catch(() => [])).toEqual([]);
  });

  it.for([
    ["good.raw", "qcow2"],
    ["good.qcow2", "raw"],
    ["good.raw.gz", "qcow2"],
    ["good.qcow2.zst", "raw"],
  ] as const)("%s declared as %s", async ([name, declaredFormat]) => {
    const source = { location: at(name), declaredFormat };
    await expect(images.resolve(ctx, source)).rejects.toMatchObject({ code: "IMAGE_WRONG_FORMAT" });
    await expect(images.ensure(ctx, source)).rejects.toMatchObject({ code: "IMAGE_WRONG_FORMAT" });
  });

  it("another digest than declared, with both named", async () => {
    const source = { location: at("good.raw"), checksum: `sha256:${"0".repeat(64)}` };
    const found = digestOf(await readFile(at("good.raw")));
    await expect(images.resolve(ctx, source)).rejects.toThrow(found);
    await expect(images.ensure(ctx, source)).rejects.toMatchObject({ code: "IMAGE_WRONG_DIGEST" });
    expect(await readdir(join(cache, "work"))).toEqual([]);
  });

  it("no room on the disk, named as the host's fault", async () => {
    images = createImages({ dir: cache, limits: { reserve: "9000 TiB" } });
    const error = await images.ensure(ctx, { location: at("good.raw") }).catch((error) => error);
    expect(error.record).toMatchObject({ code: "IMAGE_NO_SPACE", fault: "host" });
    expect(await readdir(join(cache, "work"))).toEqual([]);
  });

  it.for(["good.raw", "good.raw.gz", "good.raw.xz", "good.qcow2"])(
    "%s above the size limit",
    async (name) => {
      images = createImages({ dir: cache, limits: { maxSize: "1 MiB" } });
      const refused = expect(images.ensure(ctx, { location: at(name) })).rejects;
      await refused.toMatchObject({ code: "IMAGE_TOO_LARGE" });
    },
  );
});

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
    const resolved = await images.resolve(ctx, source);
    const size = content.length;
    expect(resolved).toEqual({
      digest: digestOf(content),
      size,
      format,
      virtualSize: 8 * 2 ** 20,
      ...(compressed ? { compressed } : {}),
    });
    const cached = await images.ensure(ctx, source);
    expect(cached).toMatchObject({ format, virtualSize: 8 * 2 ** 20, digest: resolved.digest });
    expect((await readFile(cached.path)).length).toBe(cached.bytes);
    await qemuImg("compare", "-f", "raw", "-F", format, at("good.raw"), cached.path);
    expect((await stat(cached.path)).blocks * 512).toBeLessThan(2 * 2 ** 20);
    expect(await readdir(join(cache, "work"))).toEqual([]);
  });

  it("has the digest the program asked for, in sha512 too", async () => {
    const checksum = digestOf(await readFile(at("good.raw.xz")), "sha512");
    const cached = await images.ensure(ctx, { location: at("good.raw.xz"), checksum });
    expect(cached.digest).toBe(checksum);
  });

  it("as a plain file is kept byte for byte", async () => {
    const source = { location: at("good.raw.gz"), plainFile: true };
    const cached = await images.ensure(ctx, source);
    const content = await readFile(at("good.raw.gz"));
    expect((await readFile(cached.path)).equals(content)).toBe(true);
    expect(await images.resolve(ctx, source)).toEqual({ digest: cached.digest, size: content.length });
    expect((await images.ensure(ctx, { location: at("good.raw.gz") })).bytes).toBe(8 * 2 ** 20);
  });

  it("is hashed once, and again only when the file changes", async () => {
    const path = at("changing.raw");
    await writeFile(path, Buffer.alloc(4096, 1));
    await pause(80);
    const notes: string[] = [];
    const listening = newContext({ report: ({ note }) => notes.push(note ?? "") });
    const first = await images.resolve(listening, { location: path });
    expect(notes).toEqual([`checking ${path}`]);
    expect(await images.resolve(listening, { location: path })).toEqual(first);
    expect(await createImages({ dir: cache }).resolve(listening, { location: path })).toEqual(first);
    expect(notes.length).toBe(1);
    await writeFile(path, Buffer.alloc(4096, 2));
    expect((await images.resolve(listening, { location: path })).digest).not.toBe(first.digest);
  });

  it("that changes later does not change in the cache", async () => {
    const path = at("later.raw");
    await writeFile(path, Buffer.alloc(4096, 1));
    const cached = await images.ensure(ctx, { location: path });
    await writeFile(path, Buffer.alloc(4096, 2));
    expect((await readFile(cached.path)).equals(Buffer.alloc(4096, 1))).toBe(true);
    const again = { location: path, checksum: cached.digest };
    expect((await images.ensure(ctx, again)).path).toBe(cached.path);
    await expect(images.resolve(ctx, again)).rejects.toMatchObject({ code: "IMAGE_WRONG_DIGEST" });
  });

  it("that is written to while it is read is refused", async () => {
    const path = at("growing.raw");
    await writeFile(path, Buffer.alloc(32 * 2 ** 20, 1));
    const resolving = images.resolve(ctx, { location: path });
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
    const cached = await images.ensure(ctx, { location: at("good.raw") });
    await rm(cached.path);
    await writeFile(cached.path, Buffer.alloc(cached.bytes));
    const again = await images.ensure(ctx, { location: at("good.raw") });
    expect(digestOf(await readFile(again.path))).toBe(cached.digest);
  });

  it("is listed and forgotten", async () => {
    const { digest, path } = await images.ensure(ctx, { location: at("good.qcow2") });
    expect(await images.list()).toMatchObject([{ digest, path, source: at("good.qcow2"), plainFile: false }]);
    await images.forget(digest);
    await images.forget(digest);
    await images.forget("../../etc");
    expect(await images.list()).toEqual([]);
    await expect(stat(path)).rejects.toThrow(/ENOENT/);
  });
});

describe("the qcow2 reader", () => {
  it("agrees with qemu-img on what qemu-img makes", async () => {
    const path = at("made.qcow2");
    const options = fc.record({
      compat: fc.constantFrom("0.10", "1.1"),
      clusterBits: fc.integer({ min: 9, max: 21 }),
      sectors: fc.integer({ min: 1, max: 2 ** 15 }),
      zstd: fc.boolean(),
      lazy: fc.boolean(),
      extended: fc.boolean(),
      preallocation: fc.constantFrom("off", "metadata"),
    });
    await fc.assert(
      fc.asyncProperty(options, async ({ compat, clusterBits, sectors, preallocation, ...wish }) => {
        const is3 = compat === "1.1";
        const extended = is3 && wish.extended && clusterBits >= 14;
        const words = [
          `compat=${compat}`,
          `cluster_size=${2 ** clusterBits}`,
          `preallocation=${preallocation}`,
        ];
        if (is3 && wish.zstd) words.push("compression_type=zstd");
        if (is3 && wish.lazy) words.push("lazy_refcounts=on");
        if (extended) words.push("extended_l2=on");
        await qemuImg("create", "-q", "-f", "qcow2", "-o", words.join(","), path, String(sectors * 512));
        const { stdout } = await qemuImg("info", "--output=json", path);
        const info = JSON.parse(stdout);
        const file = await open(path);
        const { size } = await file.stat();
        const head = Buffer.alloc(Math.min(size, 2 ** 21));
        await file.read(head, 0, head.length, 0);
        const header = readQcow2Header(head);
        const missing = await missingOfQcow2(ctx.signal, file, header, size);
        await file.close();
        expect(header).toMatchObject({
          version: is3 ? 3 : 2,
          clusterBits,
          virtualSize: info["virtual-size"],
        });
        expect(2 ** header.clusterBits).toBe(info["cluster-size"]);
        expect((header.incompatible & incompatibleBits.extendedL2) !== 0n).toBe(extended);
        expect(header.compressionType).toBe(is3 && wish.zstd ? 1 : 0);
        expect([header.backingFile, header.cryptMethod, missing]).toEqual([undefined, 0, undefined]);
      }),
      { numRuns: 15 },
    );
  });

  it("takes what qemu-img converts as whole, and half of it as cut", async () => {
    for (const words of ["cluster_size=4k", "cluster_size=1M", "extended_l2=on,cluster_size=128k"]) {
      for (const flags of [[], ["-c"]]) {
        const path = at("half.qcow2");
        await rm(path, { force: true });
        await qemuImg("convert", ...flags, "-O", "qcow2", "-o", words, at("good.raw"), path);
        expect(await images.resolve(ctx, { location: path })).toMatchObject({ format: "qcow2" });
        await truncate(path, Math.floor((await stat(path)).size / 2));
        const refused = expect(images.resolve(ctx, { location: path })).rejects;
        await refused.toMatchObject({ code: "IMAGE_TRUNCATED" });
      }
    }
  });
});
