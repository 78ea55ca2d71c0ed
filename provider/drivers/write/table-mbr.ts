import { randomInt } from "node:crypto";
import { decodeMbr, encodeMbr } from "./mbr.ts";
import type { TableKind, Use } from "./table.ts";
import { placeByMbr, volumeType } from "./volume.ts";

const types: Readonly<Record<Use, number>> = {
  "EFI system": 0xef,
  Linux: 0x83,
  swap: 0x82,
  FAT: volumeType,
  GPT: 0xee,
};

const useOf = (type: number): Use =>
  Object.keys(types).find((use) => types[use] === type) ?? `type 0x${type.toString(16)}`;

/** What Nova cut: four primary partitions, 32 bits of sectors. */
export const mbrTable: TableKind = {
  name: "MBR",
  head: 512,
  tail: 0,
  reach: (sector) => 2 ** 32 * sector,
  placeAtEnd: placeByMbr,
  encode(entries, _disk, sector) {
    const partitions = entries.map(({ start, length, use, bootable = false }) => {
      const type = types[use];
      if (type === undefined) throw new RangeError(`no type is known for ${use}`);
      return { start, size: length, type, bootable };
    });
    return { head: encodeMbr({ signature: randomInt(1, 2 ** 32), partitions }, sector), beside: [] };
  },
  decode(head, sector) {
    return decodeMbr(head, sector)?.partitions.map(({ start, size, type, bootable }) => ({
      ...{ start, length: size, use: useOf(type), bootable },
    }));
  },
};
