import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { tryLock, waitLock } from "../../provider/services/images/lock.ts";
import { MalformedQcow2, readQcow2Header } from "../../provider/services/images/qcow2.ts";
import { openSink } from "../../provider/services/images/sink.ts";
import { sniff } from "../../provider/services/images/sniff.ts";
import { parseSource } from "../../provider/services/images/source.ts";
import { isSame } from "../../provider/services/images/validators.ts";
import { missingOfRaw } from "../../provider/services/images/whole.ts";

let dir = "";
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "images-unit-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const hex64 = "ab".repeat(32);

describe("a source", () => {
  it.for([
    ["./debian.qcow2", "IMAGE_BAD_LOCATION"],
    ["ftp://host/debian.qcow2", "IMAGE_BAD_LOCATION"],
    ["", "IMAGE_BAD_LOCATION"],
    ["http://host/debian.qcow2", "IMAGE_NEEDS_CHECKSUM"],
  ] as const)("%s is refused as %s", ([location, code]) => {
    expect(() => parseSource({ location })).toThrow(expect.objectContaining({ code }));
  });

  it.for(["md5:abc", `sha256:${hex64}0`, `sha512:${hex64}`, hex64, "sha256:"])(
    "with the checksum %s is refused",
    (checksum) => {
      const parse = () => parseSource({ location: "/images/debian.qcow2", checksum });
      expect(parse).toThrow(expect.objectContaining({ code: "IMAGE_BAD_CHECKSUM" }));
    },
  );

  it("keeps credentials and queries out of words and keys", () => {
    const parsed = parseSource({ location: "https://user:hunter2@host:8443/a/b.img?token=hunter3#x" });
    expect(parsed.shown).toBe("https://host:8443/a/b.img?…");
    expect(JSON.stringify({ ...parsed, place: undefined })).not.toMatch(/hunter/);
  });

  it("has its digest in canonical form", () => {
    const parsed = parseSource({ location: "http://host/x", checksum: `SHA256:${hex64.toUpperCase()}` });
    expect(parsed.digest).toBe(`sha256:${hex64}`);
  });
});

describe("the first bytes", () => {
  const at = (offset: number, bytes: Buffer) =>
    Buffer.concat([Buffer.alloc(offset), bytes, Buffer.alloc(600)]);
  it.for([
    ["gzip", at(0, Buffer.from("1f8b08", "hex")), { kind: "compressed", compression: "gzip" }],
    ["xz", at(0, Buffer.from("fd377a585a00", "hex")), { kind: "compressed", compression: "xz" }],
    ["zstd", at(0, Buffer.from("28b52ffd", "hex")), { kind: "compressed", compression: "zstd" }],
    ["zstd behind a frame to skip", at(0, Buffer.from("5a2a4d18", "hex")), { kind: "compressed" }],
    ["qcow2", at(0, Buffer.from("514649fb", "hex")), { kind: "qcow2" }],
    ["a VMDK", at(0, Buffer.from("KDMV")), { kind: "foreign", what: "a VMDK disk" }],
    ["a VDI", at(0x40, Buffer.from("7f10dabe", "hex")), { kind: "foreign", what: "a VDI disk" }],
    ["a tar", at(257, Buffer.from("ustar")), { kind: "foreign", what: "a tar archive" }],
    ["a page", at(0, Buffer.from("\n <!DOCTYPE HTML>")), { kind: "foreign", what: "a web page" }],
    ["zeros", Buffer.alloc(4096), { kind: "raw" }],
    ["nearly nothing", Buffer.from("Q"), { kind: "raw" }],
  ] as const)("of %s are recognised", ([, head, expected]) => {
    expect(sniff(head)).toMatchObject(expected);
  });
});

describe("a qcow2 header", () => {
  it("of any bytes is read or refused, and nothing else happens", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2048 }), fc.constantFrom(2, 3), (bytes, version) => {
        const head = Buffer.concat([Buffer.from("514649fb", "hex"), Buffer.alloc(4), bytes]);
        head.writeUInt32BE(version, 4);
        try {
          expect(readQcow2Header(head).version).toBe(version);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedQcow2);
        }
      }),
    );
  });
});

describe("a raw image", () => {
  const gpt = (lastSector: number) => {
    const head = Buffer.alloc(64 * 1024);
    head.write("EFI PART", 512, "latin1");
    head.writeBigUInt64LE(2n, 512 + 72);
    head.writeUInt32LE(128, 512 + 80);
    head.writeUInt32LE(128, 512 + 84);
    head.fill(1, 1024, 1040);
    head.writeBigUInt64LE(BigInt(lastSector), 1024 + 40);
    return head;
  };
  it("is whole when its last partition ends with it", () => {
    expect(missingOfRaw(gpt(999), 1000 * 512)).toBeUndefined();
  });
  it("is cut when a partition ends behind it", () => {
    expect(missingOfRaw(gpt(1000), 1000 * 512)).toMatch(/describes 512512 bytes/);
  });
  it("is cut when it ends within a sector", () => {
    expect(missingOfRaw(Buffer.alloc(1000), 1000)).toMatch(/sectors/);
  });
});

describe("a sparse file", () => {
  it("holds what was written to it, in whatever pieces", async () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 6000 }),
      fc.integer({ min: 1, max: 20_000 }).map((size) => new Uint8Array(size)),
    );
    const path = join(dir, "sparse");
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 8 }), fc.nat(8), async (pieces, cut) => {
        const chunks = pieces.map((bytes) => Buffer.from(bytes));
        const first = await openSink(path, 0, async () => {});
        for (const chunk of chunks.slice(0, cut)) await first.write(chunk);
        await first.close();
        const second = await openSink(path, first.position, async () => {});
        for (const chunk of chunks.slice(cut)) await second.write(chunk);
        await second.finish();
        expect((await readFile(path)).equals(Buffer.concat(chunks))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("takes no room for zeros", async () => {
    const path = join(dir, "holes");
    const sink = await openSink(path, 0, async () => {});
    for (let i = 0; i < 16; i++) await sink.write(Buffer.alloc(2 ** 20));
    await sink.finish();
    const { size, blocks } = await stat(path);
    expect(size).toBe(16 * 2 ** 20);
    expect(blocks * 512).toBeLessThan(2 ** 16);
  });
});

describe("a lock", () => {
  it("is held by one at a time", async () => {
    const path = join(dir, "one.lock");
    const ctx = newContext();
    let [inside, most, done] = [0, 0, 0];
    const work = async () => {
      const lock = await waitLock(ctx, path, async () => {});
      most = Math.max(most, ++inside);
      await pause(5);
      inside--;
      done++;
      await lock.release();
    };
    await Promise.all(Array.from({ length: 8 }, work));
    expect([most, done]).toEqual([1, 8]);
    expect((await readdir(dir)).filter((name) => name.startsWith("one.lock"))).toEqual([]);
  });

  it("of a dead process is broken, that of a living one is not", async () => {
    const path = join(dir, "dead.lock");
    const held = await tryLock(path);
    expect(held).toBeDefined();
    expect(await tryLock(path)).toBeUndefined();
    const [token] = await readdir(path);
    const file = join(path, token ?? "");
    const owner = JSON.parse(await readFile(file, "utf8"));
    // The same pid, started at another time: the pid was reused.
    await writeFile(file, JSON.stringify({ ...owner, started: "1" }));
    const next = await tryLock(path);
    expect(next).toBeDefined();
    await held?.release();
    expect(await tryLock(path)).toBeUndefined();
    await next?.release();
  });

  it("from another realm is broken when it has shown no sign of life for a minute", async () => {
    const path = join(dir, "far.lock");
    const held = await tryLock(path);
    const [token] = await readdir(path);
    const file = join(path, token ?? "");
    await writeFile(file, JSON.stringify({ pid: 1, started: "1", realm: "elsewhere" }));
    expect(await tryLock(path)).toBeUndefined();
    const past = new Date(Date.now() - 61_000);
    await utimes(file, past, past);
    const next = await tryLock(path);
    expect(next).toBeDefined();
    await held?.release();
    await next?.release();
  });

  it("that is waited for is given up with the context", async () => {
    const held = await tryLock(join(dir, "wait.lock"));
    const own = new AbortController();
    const waiting = waitLock(newContext({ signal: own.signal }), join(dir, "wait.lock"), async () =>
      own.abort(),
    );
    await expect(waiting).rejects.toThrow(/abort/);
    await held?.release();
  });
});

describe("what a server tells of a file", () => {
  it.for([
    [{ etag: '"a"', length: 1 }, { etag: '"a"', length: 1 }, true],
    [{ etag: '"a"', length: 1 }, { etag: '"b"', length: 1 }, false],
    [{ lastModified: "x", length: 1 }, { lastModified: "x", length: 2 }, false],
    [{ lastModified: "x" }, { lastModified: "x" }, true],
    [{ length: 1 }, { length: 1 }, false],
  ] as const)("%j and then %j: the same = %s", ([a, b, same]) => {
    expect(isSame(a, b)).toBe(same);
  });
});
