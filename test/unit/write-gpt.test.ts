import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  backupAt,
  decodeGpt,
  emptyGpt,
  type Gpt,
  type GptPartition,
  gptPartitions,
  layGpt,
  usable,
  withPartition,
} from "../../provider/drivers/write/gpt.ts";
import { encodeMbr } from "../../provider/drivers/write/mbr.ts";
import { overlaid } from "../../provider/drivers/write/overlay.ts";
import { bytesOf, endOf, gaps } from "../../provider/drivers/write/ranges.ts";
import { checkTakesVolume, placeByMbr, tableChanges } from "../../provider/drivers/write/volume.ts";
import { headOf } from "../fixtures/tables.ts";

const MiB = 2 ** 20;
const guid = "d1d1d1d1-d1d1-d1d1-d1d1-d1d1d1d1d1d1";
const disks = fc.record({
  sector: fc.constantFrom(512, 4096),
  count: fc.constantFrom(4, 128, 130),
  disk: fc.integer({ min: 8 * MiB, max: 4 * 2 ** 40 }),
});

const partition = (start: number, length: number): GptPartition => ({
  ...{ start, length, name: "größer", uuid: "01234567-89ab-cdef-0123-456789abcdef" },
  type: "0fc63daf-8483-4772-8e79-3d69d8477de4",
});

describe("a GPT", () => {
  it("reads back as it was laid, for a disk of any size", () => {
    fc.assert(
      fc.property(disks, fc.nat(3), ({ sector, count, disk }, many) => {
        let gpt = emptyGpt(sector, guid, count);
        const wanted = Array.from({ length: many }, (_, n) => partition((2 + n) * MiB, MiB));
        for (const one of wanted) gpt = withPartition(gpt, one) ?? gpt;
        const found = decodeGpt(headOf(layGpt(gpt, disk)), sector);
        expect(found && gptPartitions(found)).toEqual(wanted);
        expect(found && backupAt(found)).toBe((Math.floor(disk / sector) - 1) * sector);
        // What is not ours to know stays: here the disk's own GUID.
        expect(found?.header.subarray(56, 72)).toEqual(gpt.header.subarray(56, 72));
      }),
    );
  });

  it("keeps its copies apart from each other and from what partitions may use, the second one at the disk's end", () => {
    fc.assert(
      fc.property(disks, ({ sector, count, disk }) => {
        const gpt = emptyGpt(sector, guid, count);
        const places = layGpt(gpt, disk).map(({ at, bytes }) => ({ start: at, length: bytes.length }));
        const all = [...places, usable(gpt, disk)].toSorted((a, b) => a.start - b.start);
        expect(all.every((range, n) => n === 0 || endOf(all[n - 1] ?? range) <= range.start)).toBe(true);
        expect(endOf(all.at(-1) ?? { start: 0, length: 0 })).toBe(Math.floor(disk / sector) * sector);
        expect(
          gaps(all, {
            start: sector,
            length: endOf(all.at(-1) ?? all[0] ?? { start: 0, length: 0 }) - sector,
          }).every(({ length }) => length < sector),
        ).toBe(true);
      }),
    );
  });

  it("is not found where one bit of header or entries is another", () => {
    const head = headOf(
      layGpt(withPartition(emptyGpt(512, guid), partition(MiB, MiB)) ?? emptyGpt(512, guid), 64 * MiB),
    );
    const bits = fc.oneof(
      fc.nat({ max: 91 }).map((n) => 512 + n),
      fc.nat({ max: 16_383 }).map((n) => 1024 + n),
    );
    fc.assert(
      fc.property(bits, fc.nat(7), (at, bit) => {
        const other = Buffer.from(head);
        other.writeUInt8(other.readUInt8(at) ^ (1 << bit), at);
        expect(decodeGpt(other, 512)).toBeUndefined();
      }),
    );
    expect(decodeGpt(head, 512)).toBeDefined();
    expect(decodeGpt(head, 4096)).toBeUndefined();
    expect(decodeGpt(head.subarray(0, 4096), 512)).toBeUndefined();
  });

  it("takes no partition more when all its places are taken", () => {
    let gpt: Gpt | undefined = emptyGpt(512, guid, 4);
    for (let n = 0; n < 4; n++) gpt = gpt && withPartition(gpt, partition((n + 1) * MiB, MiB));
    expect(gpt && gptPartitions(gpt)).toHaveLength(4);
    expect(gpt && withPartition(gpt, partition(9 * MiB, MiB))).toBeUndefined();
  });
});

describe("changes laid over what is written last", () => {
  const patches = fc.array(
    fc.record({ at: fc.nat(400), bytes: fc.uint8Array({ minLength: 1, maxLength: 90 }).map(Buffer.from) }),
    { maxLength: 6 },
  );
  it("leave each byte as the last change has it, touch none twice, and keep the order of what was held", () => {
    fc.assert(
      fc.property(patches, patches, (some, changes) => {
        const held = some.map(({ bytes }, n) => ({ at: n * 100, bytes }));
        const expected = new Map<number, number>();
        for (const { at, bytes } of [...held, ...changes]) {
          for (const [n, byte] of bytes.entries()) expected.set(at + n, byte);
        }
        const result = overlaid(held, changes);
        const seen = new Map(
          result.flatMap(({ at, bytes }) => [...bytes].map((byte, n) => [at + n, byte] as const)),
        );
        expect(seen).toEqual(expected);
        expect(bytesOf(result.map(({ at, bytes }) => ({ start: at, length: bytes.length })))).toBe(
          expected.size,
        );
        expect(result.slice(-held.length || result.length).map(({ at }) => at)).toEqual(
          held.map(({ at }) => at),
        );
      }),
    );
  });
});

describe("the place of a volume", () => {
  const volume = Buffer.alloc(MiB, 1);
  const whole = { address: "192.0.2.7", image: "/i.raw", sector: 512, disk: 64 * MiB };
  const mbr = (...ends: readonly number[]) =>
    Buffer.concat(
      [
        encodeMbr({
          signature: 7,
          partitions: ends.map((end) => ({ start: MiB, size: (end - 1) * MiB, type: 0x83, bootable: false })),
        }),
      ],
      4096,
    );
  const gptWith = (end: number) => {
    const gpt = emptyGpt(512, guid);
    return headOf(layGpt(withPartition(gpt, partition(MiB, (end - 1) * MiB)) ?? gpt, 63 * MiB));
  };

  it.for([
    ["an MBR table at the disk's end", mbr(63), 63],
    ["a GPT before its second copy", gptWith(62), 62],
  ] as const)("is in %s, as long as the last partition leaves it", ([, head, at]) => {
    const places = tableChanges({ ...whole, head }, { volume }).filter(({ bytes }) => bytes === volume);
    expect(places.map((place) => place.at)).toEqual([at * MiB]);
  });

  it.for([
    ["an MBR table", mbr(20, 64), "1 MiB are missing"],
    ["a GPT", gptWith(62.5), "1 MiB are missing"],
  ] as const)("is told to be missing where the partitions of %s reach too far", ([, head, words]) => {
    expect(() => tableChanges({ ...whole, head }, { volume })).toThrow(words);
  });

  it.for([
    ["has no table", Buffer.alloc(4096), "it has no partition table"],
    ["has four primary partitions", mbr(4, 5, 6, 7), "its four primary partitions are taken"],
    [
      "has a GPT that is damaged",
      encodeMbr({ signature: 1, partitions: [{ start: 512, size: MiB, type: 0xee, bootable: false }] }),
      "its GPT is damaged",
    ],
  ] as const)("is refused before a server is touched where the image %s", ([, head, words]) => {
    expect(() => checkTakesVolume(head, "/i.raw")).toThrow(
      expect.objectContaining({ code: "WRITE_VOLUME_NO_PLACE" }),
    );
    expect(() => checkTakesVolume(head, "/i.raw")).toThrow(words);
  });

  it("ends where 32 bits of sectors end, on a disk that is larger", () => {
    expect(placeByMbr(5 * 2 ** 40, 512, MiB)).toEqual({ start: 2 ** 41 - MiB, length: MiB });
    expect(placeByMbr(5 * 2 ** 40, 4096, MiB)).toEqual({ start: 5 * 2 ** 40 - MiB, length: MiB });
  });

  it("changes nothing of an MBR table when there is no volume", () => {
    expect(tableChanges({ ...whole, head: mbr(20) })).toEqual([]);
  });
});
