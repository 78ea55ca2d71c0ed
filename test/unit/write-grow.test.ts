import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeGpt,
  emptyGpt,
  gptPartitions,
  layGpt,
  usable,
  withPartition,
} from "../../provider/drivers/write/gpt.ts";
import { growthIn, rootIn, wipingEnd } from "../../provider/drivers/write/grow.ts";
import { decodeMbr, encodeMbr } from "../../provider/drivers/write/mbr.ts";
import { planWrite } from "../../provider/drivers/write/plan.ts";
import { endOf } from "../../provider/drivers/write/ranges.ts";
import { tableChanges } from "../../provider/drivers/write/volume.ts";
import { headOf } from "../fixtures/tables.ts";

const MiB = 2 ** 20;
const guid = "d1d1d1d1-d1d1-d1d1-d1d1-d1d1d1d1d1d1";
const guids = {
  linux: "0fc63daf-8483-4772-8e79-3d69d8477de4",
  root: "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
  lvm: "e6d6d379-f507-44c2-a23c-238f2a3df928",
  esp: "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
};
type Part = readonly [type: keyof typeof guids, from: number, to: number];

/** The first bytes of a disk of 100 MiB with these partitions, whole MiB from and to, in the order of the table. */
function gptHead(parts: readonly Part[], sector = 512): Buffer {
  let gpt = emptyGpt(sector, guid);
  for (const [type, from, to] of parts) {
    const own = { type: guids[type], uuid: "01234567-89ab-cdef-0123-456789abcdef", name: "" };
    gpt = withPartition(gpt, { start: from * MiB, length: (to - from) * MiB, ...own }) ?? gpt;
  }
  return headOf(layGpt(gpt, 100 * MiB));
}

const mbrHead = (parts: readonly (readonly [type: number, from: number, to: number])[]) => {
  const partitions = parts.map(([type, from, to]) => ({
    ...{ start: from * MiB, size: (to - from) * MiB, type, bootable: false },
  }));
  return Buffer.concat([encodeMbr({ signature: 1, partitions })], 4096);
};

describe("the root of a whole-disk image", () => {
  it.for([
    [
      "the last partition",
      gptHead([
        ["esp", 1, 9],
        ["root", 9, 40],
      ]),
      9,
    ],
    [
      "the last one on the disk, first in the table",
      gptHead([
        ["linux", 20, 90],
        ["esp", 1, 20],
      ]),
      20,
    ],
    [
      "the last one of an MBR table",
      mbrHead([
        [0x82, 1, 4],
        [0x83, 4, 40],
      ]),
      4,
    ],
    [
      "none, where a smaller one lies last",
      gptHead([
        ["root", 1, 40],
        ["linux", 40, 50],
      ]),
      undefined,
    ],
    [
      "none, where it is of another type",
      gptHead([
        ["esp", 1, 9],
        ["lvm", 9, 40],
      ]),
      undefined,
    ],
    [
      "none, where swap lies last",
      mbrHead([
        [0x83, 1, 4],
        [0x82, 4, 40],
      ]),
      undefined,
    ],
    [
      "none, where it is in an extended partition",
      mbrHead([
        [0x83, 1, 40],
        [0x05, 40, 90],
      ]),
      undefined,
    ],
    ["none without a table", Buffer.alloc(4096), undefined],
    ["none without a partition", gptHead([]), undefined],
  ] as const)("is %s", ([, head, at]) => {
    expect(rootIn({ head, sector: 512 })?.start).toBe(at === undefined ? undefined : at * MiB);
  });
});

/** A whole disk whose root is given room, as a property's case. */
const cases = fc
  .record({
    sector: fc.constantFrom(512, 4096),
    from: fc.integer({ min: 2, max: 40 }),
    size: fc.integer({ min: 1, max: 50 }),
    volume: fc.option(fc.constant(Buffer.alloc(MiB, 1)), { nil: undefined }),
    disk: fc.integer({ min: 100 * MiB, max: 2 ** 43 }),
  })
  .map((one) => ({ ...one, end: Math.floor(one.disk / MiB) * MiB - 4 * MiB }));

describe("a table whose root is given room", () => {
  it("says in a GPT where it ends now, and nothing else of it is another", () => {
    fc.assert(
      fc.property(cases, ({ sector, from, size, volume, disk, end }) => {
        const head = gptHead(
          [
            ["root", from, from + size],
            ["esp", 1, 2],
          ],
          sector,
        );
        const root = { start: from * MiB, length: end - from * MiB };
        const whole = { address: "", image: "", head, sector, disk };
        const after = decodeGpt(headOf(tableChanges(whole, { root, volume })), sector);
        const before = decodeGpt(head, sector);
        const [first, esp, own] = after ? gptPartitions(after) : [];
        expect(first).toMatchObject(root);
        expect(before && [{ ...first, length: size * MiB }, esp]).toEqual(before && gptPartitions(before));
        expect(own === undefined).toBe(volume === undefined);
        if (own) expect(endOf(root)).toBeLessThanOrEqual(own.start);
        if (after) expect(endOf(own ?? root)).toBeLessThanOrEqual(endOf(usable(after, disk)));
      }),
    );
  });

  it("says in an MBR where it ends now, and nothing else of it is another", () => {
    const most = fc.integer({ min: 100 * MiB, max: 2 ** 41 - MiB });
    fc.assert(
      fc.property(cases, most, ({ from, size, volume }, disk) => {
        const head = mbrHead([
          [0x82, 1, 2],
          [0x83, from, from + size],
        ]);
        const root = { start: from * MiB, length: Math.floor(disk / MiB) * MiB - (4 + from) * MiB };
        const whole = { address: "", image: "", head, sector: 512, disk };
        const first = tableChanges(whole, { root, volume }).find(({ at }) => at === 0)?.bytes;
        const [swap, grown, own] = decodeMbr(first ?? head)?.partitions ?? [];
        expect(swap).toEqual(decodeMbr(head)?.partitions[0]);
        expect(grown).toMatchObject({ start: root.start, size: root.length, type: 0x83 });
        expect(own === undefined).toBe(volume === undefined);
      }),
    );
  });
});

/** The first bytes of an ext4 file system of so many bytes. */
function ext(size: number): Buffer {
  const head = Buffer.alloc(4096);
  head.writeUInt32LE((size / 4096) % 2 ** 32, 1024 + 0x4);
  head.writeUInt32LE(2, 1024 + 0x18);
  head.writeUInt16LE(0xef53, 1024 + 0x38);
  head.writeUInt32LE(0x80, 1024 + 0x60);
  head.writeUInt32LE(Math.floor(size / 4096 / 2 ** 32), 1024 + 0x150);
  head.fill(7, 1024 + 0x68, 1024 + 0x78);
  return head;
}

function xfs(size: number): Buffer {
  const head = Buffer.alloc(4096);
  head.write("XFSB", 0, "latin1");
  head.writeUInt32BE(4096, 4);
  head.writeBigUInt64BE(BigInt(size / 4096), 8);
  head.fill(7, 32, 48);
  return head;
}

const TiB = 2 ** 40;
describe("the file system of a partition image", () => {
  it.for([
    ["ext4 of less", ext(24 * MiB), 100 * MiB, "ext"],
    ["ext4 of less than a 20 TiB root", ext(17 * TiB), 20 * TiB, "ext"],
    ["xfs of less", xfs(24 * MiB), 100 * MiB, "xfs"],
    ["ext4 that fills it", ext(100 * MiB), 100 * MiB, undefined],
    ["ext4 of 20 TiB that fills it", ext(20 * TiB), 20 * TiB, undefined],
    ["none that we know", Buffer.alloc(4096), 100 * MiB, undefined],
  ] as const)("%s grows to its partition: %s", ([, head, root, fileSystem]) => {
    const source = { path: "/i", format: "raw", kind: "partition", virtualSize: 24 * MiB } as const;
    const plan = planWrite(source, { root, swap: MiB, ephemeral: 0 }, 2 * root);
    const growth = fileSystem && { start: MiB, length: root, fileSystem };
    expect(growthIn(plan, head)).toEqual(growth);
  });
});

describe("where the root will end", () => {
  it("is wiped of what would be taken for its signature", () => {
    const source = { path: "/i", format: "raw", kind: "whole-disk", virtualSize: 24 * MiB } as const;
    const plan = planWrite(source, undefined, 64 * MiB);
    const { wipes } = wipingEnd(plan, { start: 4 * MiB, length: 58 * MiB, fileSystem: "ext" });
    expect(wipes).toEqual([
      { start: 0, length: MiB },
      { start: 61 * MiB, length: MiB },
      { start: 63 * MiB, length: MiB },
    ]);
  });
});
