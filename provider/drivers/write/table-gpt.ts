import { randomUUID } from "node:crypto";
import { decodeGpt, emptyGpt, type Gpt, gptPartitions, layGpt, usable, withPartition } from "./gpt.ts";
import { protectiveMbr } from "./mbr.ts";
import { endOf } from "./ranges.ts";
import type { TableKind, Use } from "./table.ts";
import { lastPlace, volumeGuid } from "./volume.ts";

const MiB = 2 ** 20;
/** Two sectors of 4 KiB and 128 entries of 128 bytes are the most that the first copy takes. */
const head = 2 * 4096 + 128 * 128;

/** UEFI Specification 2.10, section 5.3.3, and the Discoverable Partitions Specification. */
const types: Readonly<Record<Use, string>> = {
  "EFI system": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
  Linux: "0fc63daf-8483-4772-8e79-3d69d8477de4",
  swap: "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
  FAT: volumeGuid,
};

const useOf = (type: string): Use => Object.keys(types).find((use) => types[use] === type) ?? type;

/** 128 partitions, 64 bits of sectors, a second copy at the disk's end. */
export const gptTable: TableKind = {
  name: "GPT",
  head,
  // More than the copy takes: partitions go on whole MiB, and so does what lies behind the last one.
  tail: MiB,
  reach: (sector) => Number.MAX_SAFE_INTEGER - (Number.MAX_SAFE_INTEGER % sector),
  placeAtEnd: (disk, sector, length) =>
    lastPlace(endOf(usable(emptyGpt(sector, randomUUID()), disk)), length),
  encode(entries, disk, sector) {
    const table = entries.reduce<Gpt>(
      (gpt, { start, length, use }) => {
        const type = types[use];
        const more =
          type && withPartition(gpt, { start, length, type, uuid: randomUUID(), name: use.toLowerCase() });
        if (!more) throw new RangeError(`no place or no type for ${use}`);
        return more;
      },
      emptyGpt(sector, randomUUID()),
    );
    const patches = layGpt(table, disk);
    const first = Buffer.alloc(head);
    first.set(protectiveMbr(disk, sector));
    for (const { at, bytes } of patches) if (at < head) first.set(bytes, at);
    return { head: first, beside: patches.filter(({ at }) => at >= head) };
  },
  decode(first, sector) {
    const gpt = decodeGpt(first, sector);
    return gpt && gptPartitions(gpt).map(({ start, length, type }) => ({ start, length, use: useOf(type) }));
  },
};
