import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DiskLayout } from "../../provider/drivers/write/driver.ts";
import { entriesOf, partitionsOf } from "../../provider/drivers/write/plan.ts";
import { endOf } from "../../provider/drivers/write/ranges.ts";
import { gptTable } from "../../provider/drivers/write/table-gpt.ts";
import { mbrTable } from "../../provider/drivers/write/table-mbr.ts";
import { tableFor } from "../../provider/drivers/write/tables.ts";

const MiB = 2 ** 20;
const GiB = 2 ** 30;

describe.for([mbrTable, gptTable])("a new $name", (kind) => {
  const room = fc.nat(300 * GiB);
  const layouts = fc.record({ root: fc.integer({ min: 1, max: 300 * GiB }), swap: room, ephemeral: room });

  it("tells the partitions that it was made of, in sectors of either size", () => {
    fc.assert(
      fc.property(layouts, fc.constantFrom(512, 4096), (layout: DiskLayout, sector) => {
        const entries = entriesOf(partitionsOf(layout, MiB));
        const disk = Math.max(...entries.map(endOf)) + kind.tail;
        const { head, beside } = kind.encode(entries, disk, sector);
        expect(head).toHaveLength(kind.head);
        expect(kind.decode(head, sector)?.map(({ start, length, use }) => ({ start, length, use }))).toEqual(
          entries.map(({ start, length, use }) => ({ start, length, use })),
        );
        for (const { at, bytes } of beside) {
          expect(at).toBeGreaterThanOrEqual(Math.max(...entries.map(endOf)));
          expect(at + bytes.length).toBeLessThanOrEqual(disk);
        }
      }),
    );
  });

  it("has a place for a volume at the disk's end that leaves its own end alone", () => {
    const place = kind.placeAtEnd(64 * MiB + 512, 512, 2 * MiB);
    expect(place).toEqual({ start: kind.tail > 0 ? 61 * MiB : 62 * MiB, length: 2 * MiB });
  });

  it("is none in bytes that hold no table", () => {
    expect(kind.decode(Buffer.alloc(kind.head), 512)).toBeUndefined();
  });

  it("is another one each time, so that no two disks are taken for one", () => {
    const entries = entriesOf(partitionsOf({ root: MiB, swap: 0, ephemeral: 0 }, MiB));
    const [one, other] = [kind.encode(entries, 64 * MiB, 512), kind.encode(entries, 64 * MiB, 512)];
    expect(one.head.equals(other.head)).toBe(false);
  });
});

describe("the table of a layout", () => {
  it.for([
    [undefined, "MBR", 2 * 2 ** 40],
    ["msdos", "MBR", 2 * 2 ** 40],
    ["gpt", "GPT", Number.MAX_SAFE_INTEGER - 511],
  ] as const)("%s is an %s, which reaches %d bytes", ([label, name, reach]) => {
    const kind = tableFor(label === undefined ? {} : { label });
    expect([kind.name, kind.reach(512)]).toEqual([name, reach]);
  });
});
