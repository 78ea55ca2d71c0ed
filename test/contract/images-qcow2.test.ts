import { open, rm, stat, truncate } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { incompatibleBits, readQcow2Header } from "../../provider/services/images/qcow2.ts";
import { missingOfQcow2 } from "../../provider/services/images/whole.ts";
import { localImages, qemuImg } from "./local-images.ts";

const ctx = newContext();
const local = localImages();
const { at } = local;

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
        expect(await local.images.resolve(ctx, { location: path })).toMatchObject({ format: "qcow2" });
        await truncate(path, Math.floor((await stat(path)).size / 2));
        const refused = expect(local.images.resolve(ctx, { location: path })).rejects;
        await refused.toMatchObject({ code: "IMAGE_TRUNCATED" });
      }
    }
  });
});
