import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CpioEntry, decodeCpio, encodeCpio } from "../../provider/services/ramdisk/cpio.ts";

const path = fc
  .array(fc.stringMatching(/^[\w.@+-]{1,12}$/), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join("/"))
  .filter((joined) => joined !== "TRAILER!!!");
const mode = fc.integer({ min: 0, max: 0o7777 });
const entry: fc.Arbitrary<CpioEntry> = fc.oneof(
  fc.record({ kind: fc.constant("directory" as const), path, mode }),
  fc.record({ kind: fc.constant("file" as const), path, mode, content: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ kind: fc.constant("link" as const), path, target: path }),
  fc.record({
    kind: fc.constant("device" as const),
    path,
    mode,
    major: fc.nat(4095),
    minor: fc.nat(0xfffff),
  }),
);

describe("a cpio archive", () => {
  it("gives back what was put in, and the same bytes again", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), (entries) => {
        const archive = encodeCpio(entries);
        expect(decodeCpio(archive)).toEqual(entries);
        expect(encodeCpio(decodeCpio(archive))).toEqual(archive);
      }),
    );
  });

  it("is read from the middle of a larger buffer", () => {
    const entries: CpioEntry[] = [
      { kind: "file", path: "a", mode: 0o644, content: new Uint8Array([1, 2, 3]) },
    ];
    const archive = encodeCpio(entries);
    const larger = Buffer.concat([Buffer.from("xyz"), archive, Buffer.from("zyx")]);
    expect(decodeCpio(larger.subarray(3, 3 + archive.length))).toEqual(entries);
  });

  it("starts each member and each content at a multiple of four bytes", () => {
    const content = Buffer.from("hello");
    const archive = encodeCpio([{ kind: "file", path: "init", mode: 0o755, content }]).toString("latin1");
    expect(archive.indexOf("hello") % 4).toBe(0);
    expect(archive.lastIndexOf("070701") % 4).toBe(0);
    expect(archive.length % 4).toBe(0);
  });

  it.for([
    { what: "what is no archive", bytes: Buffer.from("a zstd stream, maybe") },
    { what: "an archive without its end", bytes: encodeCpio([]).subarray(0, 0) },
    {
      what: "an archive cut in a content",
      bytes: encodeCpio([{ kind: "file", path: "a", mode: 0, content: Buffer.alloc(100) }]).subarray(0, 150),
    },
  ])("refuses $what", ({ bytes }) => {
    expect(() => decodeCpio(bytes)).toThrow(TypeError);
  });
});
