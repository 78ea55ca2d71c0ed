import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { callsFor } from "../../provider/drivers/write/calls.ts";
import type { DiskLayout, SourceImage } from "../../provider/drivers/write/driver.ts";
import { partitionsOf, planWrite } from "../../provider/drivers/write/plan.ts";
import {
  bytesOf,
  endOf,
  gaps,
  merged,
  type Range,
  samples,
  sliced,
  within,
} from "../../provider/drivers/write/ranges.ts";

const MiB = 2 ** 20;
const image = (kind: SourceImage["kind"], virtualSize: number): SourceImage => ({
  path: "/image",
  format: "raw",
  kind,
  virtualSize,
});
const sorted = (ranges: readonly Range[]) => ranges.toSorted((a, b) => a.start - b.start);
const apart = (ranges: readonly Range[]) =>
  sorted(ranges).every((range, n, all) => n === 0 || endOf(all[n - 1] ?? range) <= range.start);
const covered = (ranges: readonly Range[], window: Range) =>
  gaps(merged(sorted(ranges)), window).length === 0;

describe("the plan of a whole-disk image", () => {
  const sizes = fc
    .tuple(fc.integer({ min: 1, max: 8192 }), fc.nat({ max: 8192 }))
    .map(([size, more]) => ({ size: size * 64 * 1024, disk: (size + more) * 64 * 1024 }));

  it("writes every byte of the image once, and its first sectors last", () => {
    fc.assert(
      fc.property(sizes, ({ size, disk }) => {
        const plan = planWrite(image("whole-disk", size), undefined, disk);
        const all = [plan.body, ...plan.held].filter(({ length }) => length > 0);
        expect(apart(all)).toBe(true);
        expect(bytesOf(all)).toBe(size);
        expect(covered(all, { start: 0, length: size })).toBe(true);
        expect(plan.held.at(-1)).toEqual({ start: 0, length: 4096 });
        expect(plan.needs).toBe(size);
      }),
    );
  });

  it("keeps the first MiB, and a backup table at the very end of the disk, out of the body", () => {
    fc.assert(
      fc.property(sizes, ({ size, disk }) => {
        const { body } = planWrite(image("whole-disk", size), undefined, disk);
        expect(body.length === 0 || body.start >= MiB).toBe(true);
        if (size === disk && body.length > 0) expect(endOf(body)).toBeLessThanOrEqual(disk - MiB);
      }),
    );
  });

  it("wipes the first and the last MiB of the disk", () => {
    const { wipes } = planWrite(image("whole-disk", 8 * MiB), undefined, 64 * MiB);
    expect(wipes).toEqual([
      { start: 0, length: MiB },
      { start: 63 * MiB, length: MiB },
    ]);
  });

  it("counts a raw file's last half sector as a whole one", () => {
    expect(planWrite(image("whole-disk", 1_000_001), undefined, 64 * MiB).needs).toBe(1_000_448);
  });
});

describe("the plan of a partition image", () => {
  it.for([
    [{ root: 20, swap: 0, ephemeral: 0 }, ["root 1+20"]],
    [{ root: 20, swap: 2, ephemeral: 0 }, ["root 1+20", "swap 21+2"]],
    [{ root: 20, swap: 2, ephemeral: 5 }, ["ephemeral 1+5", "swap 6+2", "root 8+20"]],
    [{ root: 20, swap: 0, ephemeral: 5 }, ["ephemeral 1+5", "root 6+20"]],
    [{ root: 0, swap: 0, ephemeral: 0 }, ["root 1+10"]],
    [{ root: 20, swap: 2, ephemeral: 5, efi: 64 }, ["efi 1+64", "ephemeral 65+5", "swap 70+2", "root 72+20"]],
  ] as const)("cuts %j as Nova did", ([{ root, swap, ephemeral, ...more }, expected]) => {
    const layout = { root: root * MiB, swap: swap * MiB, ephemeral: ephemeral * MiB };
    const { efi = 0 } = { efi: 0, ...more };
    const shown = partitionsOf({ ...layout, efi: efi * MiB }, 10 * MiB - 5).map(
      ({ role, start, length }) => `${role} ${start / MiB}+${length / MiB}`,
    );
    expect(shown).toEqual(expected);
  });

  it("keeps partitions apart and on whole MiB, the wipes inside the disk and off the image, old edges covered", () => {
    const bytes = fc.integer({ min: 1, max: 600 * MiB });
    const room = fc.nat(400 * MiB);
    const label = fc.constantFrom("msdos" as const, "gpt" as const);
    const layouts = fc.record({ root: bytes, swap: room, ephemeral: room, efi: room, label });
    fc.assert(
      fc.property(layouts, bytes, fc.nat(64 * MiB), (layout: DiskLayout, size, more) => {
        fc.pre(size <= layout.root);
        const { needs } = planWrite(image("partition", size), layout, 2 ** 40);
        const disk = needs + Math.floor(more / 512) * 512;
        const { partitions, wipes, imageAt, body } = planWrite(image("partition", size), layout, disk);
        expect(apart(partitions)).toBe(true);
        // The second copy of a GPT.
        const end = layout.label === "gpt" ? disk - MiB : disk;
        expect(partitions.every((one) => endOf(one) <= end)).toBe(true);
        expect(partitions.every(({ start, length }) => start % MiB === 0 && length % MiB === 0)).toBe(true);
        expect(apart(wipes)).toBe(true);
        const written = { start: imageAt, length: body.length };
        expect(within(wipes, written)).toEqual([]);
        expect(wipes.every((wipe) => wipe.start >= 0 && endOf(wipe) <= disk)).toBe(true);
        for (const whole of [...partitions, { start: 0, length: disk }]) {
          const last = { start: endOf(whole) - MiB, length: MiB };
          expect(covered([...wipes, written], { start: whole.start, length: MiB })).toBe(true);
          expect(covered([...wipes, written], last)).toBe(true);
        }
      }),
    );
  });
});

const ranges = fc
  .array(fc.tuple(fc.nat(5000), fc.integer({ min: 1, max: 5000 })), { maxLength: 30 })
  .map((pairs) => {
    let at = 0;
    return pairs.map(([skip, length]): Range => {
      const range = { start: at + skip, length };
      at = endOf(range);
      return range;
    });
  });

describe("ranges", () => {
  const window = fc.record({ start: fc.nat(50_000), length: fc.nat(100_000) });

  it("and their gaps fill a window exactly", () => {
    fc.assert(
      fc.property(ranges, window, (ranges, window) => {
        const all = [...within(ranges, window), ...gaps(ranges, window)];
        expect(bytesOf(all)).toBe(window.length);
        expect(apart(all)).toBe(true);
      }),
    );
  });

  it("merged lose nothing, sliced stay the same bytes", () => {
    fc.assert(
      fc.property(ranges, fc.nat(300), fc.integer({ min: 1, max: 700 }), (ranges, gap, size) => {
        const one = merged(ranges, gap);
        expect(ranges.every((range) => bytesOf(within(one, range)) === range.length)).toBe(true);
        for (const range of one) {
          const slices = sliced(range, size);
          expect(merged(slices)).toEqual([range]);
          expect(slices.every(({ length }) => length <= size)).toBe(true);
        }
      }),
    );
  });

  it("are sampled from within, as many as asked, from the first to the last", () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(ranges, random, fc.integer({ min: 1, max: 40 }), (ranges, r, count) => {
        const taken = samples(ranges, { count, size: 16, random: () => r });
        expect(bytesOf(taken)).toBe(bytesOf(taken.flatMap((range) => within(ranges, range))));
        expect(apart(taken)).toBe(true);
        if (ranges.length > 0) expect(taken.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe("the calls of a write", () => {
  const source = { driver: "raw" };
  it("promise zeros only below what is proven, and cover the rest wholly", () => {
    const size = fc.nat(40).map((n) => n * 256 * MiB);
    fc.assert(
      fc.property(ranges, size, size, fc.nat(64), (ranges, length, provenZero, at) => {
        const data = ranges.map((r) => ({ start: r.start * MiB, length: r.length * MiB }));
        const region = { source, range: { start: 0, length }, at: at * MiB, data };
        const calls = callsFor(region, provenZero);
        const sent = calls.map(({ range }) => range);
        expect(apart(sent)).toBe(true);
        for (const { range, zero } of calls)
          if (zero) expect(at * MiB + endOf(range)).toBeLessThanOrEqual(provenZero);
        expect(within(data, region.range).every((d) => covered(sent, d))).toBe(true);
        const unproven = Math.min(Math.max(provenZero - at * MiB, 0), length);
        expect(covered(sent, { start: unproven, length: length - unproven })).toBe(true);
      }),
    );
  });
});
