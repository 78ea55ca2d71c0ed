import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { encodeFat } from "../../provider/services/volumes/fat.ts";
import { type IsoFile, writeIso } from "../../provider/services/volumes/iso.ts";

const ctx = newContext();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "iso-"));
});
afterAll(() => rm(folder, { recursive: true }));

const written = async (files: readonly IsoFile[], efi: Buffer = Buffer.alloc(4_096, "f")) => {
  const path = join(folder, "image.iso");
  await writeIso(ctx, path, { label: "DEPLOY", efi, files });
  return readFile(path);
};

/** What a reader finds by the tables, from the first descriptor on. */
function filesIn(image: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  expect(image.toString("latin1", 16 * 2048, 16 * 2048 + 6)).toBe("\x01CD001");
  const look = (folder: number, above: string) => {
    for (let at = folder, nth = 0; image.readUInt8(at) > 0; at += image.readUInt8(at), nth += 1) {
      const name = image.toString("latin1", at + 33, at + 33 + image.readUInt8(at + 32));
      const [start, size] = [image.readUInt32LE(at + 2) * 2048, image.readUInt32LE(at + 10)];
      expect(image.readUInt32BE(at + 6) * 2048).toBe(start);
      if ((image.readUInt8(at + 25) & 2) === 0)
        found.set(`${above}${name}`, image.subarray(start, start + size));
      else if (nth > 1) look(start, `${above}${name}/`);
    }
  };
  look(image.readUInt32LE(16 * 2048 + 156 + 2) * 2048, "");
  return found;
}

/** Where the path table of one order says that folders lie. */
function foldersIn(image: Buffer): string[] {
  const [table, size] = [image.readUInt32LE(16 * 2048 + 140) * 2048, image.readUInt32LE(16 * 2048 + 132)];
  const paths: string[] = [];
  for (let at = table; at < table + size; ) {
    const length = image.readUInt8(at);
    const name = image.toString("latin1", at + 8, at + 8 + length);
    const above = paths[image.readUInt16LE(at + 6) - 1] ?? "";
    paths.push(name === "\0" ? "" : `${above}${name}/`);
    at += 8 + length + (length % 2);
  }
  return paths;
}

describe("an image of a CD", () => {
  it("holds its files, whatever they are", async () => {
    const name = fc.stringMatching(/^[A-Z0-9_]{1,8}(\.[A-Z0-9_]{1,3})?$/);
    const content = fc.uint8Array({ maxLength: 5_000 }).map((bytes) => Buffer.from(bytes));
    const files = fc.uniqueArray(fc.record({ name, content }), {
      maxLength: 8,
      selector: (file) => file.name,
    });
    await fc.assert(
      fc.asyncProperty(files, async (some) => {
        const image = await written(some);
        expect(image.length % 2048).toBe(0);
        expect(image.readUInt32LE(16 * 2048 + 80) * 2048).toBe(image.length);
        const wanted = new Map(some.map((file) => [`${file.name};1`, file.content]));
        expect(new Map([...filesIn(image)].sort())).toEqual(new Map([...wanted].sort()));
      }),
      { numRuns: 30 },
    );
  });

  it("has folders, by its tables and by its records", async () => {
    const content = Buffer.from("x");
    const names = ["EFI/BOOT/GRUB.CFG", "KERNEL", "EFI/A", "BOOT/B"];
    const image = await written(names.map((name) => ({ name, content })));
    expect([...filesIn(image).keys()].sort()).toEqual(names.map((name) => `${name};1`).sort());
    expect(foldersIn(image)).toEqual(["", "BOOT/", "EFI/", "EFI/BOOT/"]);
  });

  it("takes a file of this host as it lies there", async () => {
    const path = join(folder, "kernel");
    await writeFile(path, Buffer.alloc(300_001, "k"));
    const found = filesIn(await written([{ name: "KERNEL", content: path }]));
    expect(found.get("KERNEL;1")?.equals(Buffer.alloc(300_001, "k"))).toBe(true);
  });

  it("shows UEFI the volume that it starts from", async () => {
    const content = Buffer.from("shim");
    const efi = encodeFat({
      label: "EFI",
      size: 2 ** 20,
      files: [{ name: "EFI", files: [{ name: "BOOT", files: [{ name: "BOOTX64.EFI", content }] }] }],
    });
    const image = await written([], efi);
    const record = image.subarray(17 * 2048, 18 * 2048);
    expect(record.toString("latin1", 1, 30)).toBe("CD001\x01EL TORITO SPECIFICATION");
    const catalog = image.subarray(record.readUInt32LE(71) * 2048);
    const words = Array.from({ length: 16 }, (_, n) => catalog.readUInt16LE(n * 2));
    expect(words.reduce((sum, word) => (sum + word) & 0xffff)).toBe(0);
    expect([catalog.readUInt8(1), catalog.readUInt8(32), catalog.readUInt16LE(38)]).toEqual([
      0xef, 0x88, 2_048,
    ]);
    const start = catalog.readUInt32LE(40) * 2048;
    expect(image.subarray(start, start + efi.length).equals(efi)).toBe(true);
  });

  it.for([
    [[{ name: "kernel", content: Buffer.alloc(1) }], 4_096],
    [[], 32 * 2 ** 20],
  ] as const)("is not made where it cannot hold what is asked", async ([files, size]) => {
    await expect(written(files, Buffer.alloc(size))).rejects.toThrow(RangeError);
  });
});
