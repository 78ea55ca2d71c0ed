import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wipeCommands } from "../../provider/drivers/write/acts.ts";
import { callsFor } from "../../provider/drivers/write/calls.ts";
import type { DiskLayout, SourceImage, WriteJob } from "../../provider/drivers/write/driver.ts";
import { assertSpared, checkKept, keeping } from "../../provider/drivers/write/keep.ts";
import { mark } from "../../provider/drivers/write/mark.ts";
import { decodeMbr, encodeMbr, type MbrPartition } from "../../provider/drivers/write/mbr.ts";
import { entriesOf, type Partition, partitionsOf, planWrite } from "../../provider/drivers/write/plan.ts";
import { bytesOf, type Range, within } from "../../provider/drivers/write/ranges.ts";
import { gptTable } from "../../provider/drivers/write/table-gpt.ts";
import { mbrTable } from "../../provider/drivers/write/table-mbr.ts";
import { type Region, toRead } from "../../provider/drivers/write/verify.ts";

const MiB = 2 ** 20;
const partitionImage = (virtualSize: number): SourceImage => ({
  path: "/image",
  format: "raw",
  kind: "partition",
  virtualSize,
});
const layout = { root: 20 * MiB, swap: 2 * MiB, ephemeral: 5 * MiB };
const plan = planWrite(partitionImage(10 * MiB), layout, 64 * MiB);
const regionAt = (at: number, length: number): Region => {
  const range = { start: 0, length };
  return { source: { driver: "raw" }, range, at, data: [range] };
};

describe("the plan of a write that keeps the ephemeral partition", () => {
  const bytes = fc.integer({ min: 1, max: 600 * MiB });
  const layouts = fc.record({ root: bytes, swap: fc.nat(400 * MiB), ephemeral: bytes });

  it("wipes, writes and reads nothing of it, whatever the sizes of layout, image and disk", () => {
    fc.assert(
      fc.property(layouts, bytes, fc.nat(4096), (layout: DiskLayout, size, more) => {
        fc.pre(size <= layout.root);
        const image = partitionImage(size);
        const disk = planWrite(image, layout, 2 ** 40).needs + more * 512;
        const all = planWrite(image, layout, disk);
        const { kept = { start: 0, length: 0 }, wipes, imageAt, body, partitions } = keeping(all);
        expect(kept).toMatchObject({ start: MiB, length: Math.ceil(layout.ephemeral / MiB) * MiB });
        const region = regionAt(imageAt, body.length);
        const placed = ({ start, length }: Range) => ({ start: imageAt + start, length });
        const touched = [
          { start: mark.at, length: mark.length },
          ...wipes,
          ...callsFor(region, 0).map(({ range }) => placed(range)),
          ...toRead(region, "full").map(placed),
          ...partitions.filter(({ role }) => role !== "ephemeral"),
        ];
        expect(within(touched, kept)).toEqual([]);
        expect(() => assertSpared(keeping(all), [region])).not.toThrow();
        // Nothing else is spared: all that was to be wiped is, or lies in what is kept.
        expect(bytesOf(wipes) + bytesOf(within(all.wipes, kept))).toBe(bytesOf(all.wipes));
        expect(within(wipes, { start: 0, length: MiB })).toEqual([{ start: 0, length: MiB }]);
      }),
    );
  });

  it("would wipe its edges if it were not told to keep it", () => {
    expect(within(plan.wipes, { start: MiB, length: 5 * MiB })).toEqual([
      { start: MiB, length: MiB },
      { start: 5 * MiB, length: MiB },
    ]);
    expect(plan.kept).toBeUndefined();
  });

  it("cannot be made without an ephemeral partition", () => {
    const none = planWrite(partitionImage(MiB), { ...layout, ephemeral: 0 }, 64 * MiB);
    const whole = planWrite({ ...partitionImage(MiB), kind: "whole-disk" }, undefined, 64 * MiB);
    expect(() => keeping(none)).toThrow(TypeError);
    expect(() => keeping(whole)).toThrow(TypeError);
  });

  it.for([
    ["lets pass", "before it", MiB - 4096, 4096],
    ["stops", "into its first byte", MiB - 4096, 4097],
    ["stops", "from its last byte on", 6 * MiB - 1, 10],
    ["lets pass", "behind it", 6 * MiB, 10],
    ["stops", "over all of it", 0, 64 * MiB],
  ] as const)("%s a region that lies %s", ([verdict, , at, length]) => {
    const last = () => assertSpared(keeping(plan), [regionAt(at, length)]);
    if (verdict === "stops") expect(last).toThrow(/are to be kept/);
    else expect(last).not.toThrow();
  });

  it("stops wipes that were not cut", () => {
    expect(() => assertSpared({ ...keeping(plan), wipes: plan.wipes }, [])).toThrow(/are to be kept/);
  });
});

describe("a wipe", () => {
  it("marks the disk before anything else, and never zeroes the mark", () => {
    const commands = wipeCommands(plan.wipes);
    expect(commands.slice(0, 2)).toEqual(["write -s mark 0 4096", "flush"]);
    expect(commands[2]).toBe(`write -z 4096 ${2 * MiB - 4096}`);
    expect(commands.at(-1)).toBe("flush");
    const sent = commands.map((command) => Number(/^write .* \d+ (\d+)$/.exec(command)?.[1] ?? 0));
    expect(sent.reduce((sum, bytes) => sum + bytes)).toBe(bytesOf(plan.wipes));
  });
});

describe("the first sectors of a disk whose ephemeral partition is to be kept", () => {
  const tableOf = (partitions: readonly Partition[]): MbrPartition[] =>
    decodeMbr(mbrTable.encode(entriesOf(partitions), 0, 512).head)?.partitions.slice() ?? [];
  const own = tableOf(plan.partitions);
  const [ephemeral, swap, root] = own as [MbrPartition, MbrPartition, MbrPartition];
  const sectors = (partitions: readonly MbrPartition[], sector = 512) =>
    Buffer.concat([encodeMbr({ signature: 7, partitions }, sector)], 4096);
  const look = (first: Buffer, keepEphemeral: "check" | "resume", sector?: number, cut?: DiskLayout) => () =>
    checkKept(
      {
        target: { address: "192.0.2.7", port: 3260, iqn: "iqn-1", lun: 1 },
        image: partitionImage(10 * MiB),
        layout,
        provenZero: 0,
        verify: "full",
        stall: "1 minute",
        keepEphemeral,
        ...(sector === undefined ? {} : { sector }),
        ...(cut === undefined ? {} : { cut }),
      } satisfies WriteJob,
      keeping(plan),
      first,
    );
  const grown = (partition: MbrPartition) => ({ ...partition, size: partition.size + 512 });
  const torn = Buffer.concat([mark.content.subarray(0, 512), sectors([...own, root]).subarray(512)]);
  const fat = sectors(own);
  fat.writeUInt8(0x20, 446);
  const flags = own.map((partition) => ({ ...partition, bootable: !partition.bootable }));

  const refused = expect.objectContaining({ code: "WRITE_LAYOUT_DIFFERS" });

  it.for([
    ["the table of the layout", sectors(own)],
    ["that table, booting from elsewhere", sectors(flags)],
    ["that table with a root that has grown", sectors([ephemeral, swap, grown(root)])],
  ] as const)("let a check and a resume pass when they hold %s", ([, first]) => {
    expect(look(first, "check")).not.toThrow();
    expect(look(first, "resume")).not.toThrow();
  });

  it.for([
    ["our mark", mark.content],
    ["our mark, cut off after a sector", torn],
  ] as const)("let only a resume pass when they hold %s", ([, first]) => {
    expect(look(first, "check")).toThrow(refused);
    expect(look(first, "resume")).not.toThrow();
  });

  it.for([
    ["a mark that says something else", Buffer.from("A write by another".padEnd(4096))],
    ["zeros", Buffer.alloc(4096)],
    ["a file system's boot sector", fat],
    ["an empty table", sectors([])],
    ["a GPT's table", sectors([{ start: 512, size: 64 * MiB, type: 0xee, bootable: false }])],
    ["one partition less", sectors([ephemeral, swap])],
    ["one partition more", sectors([...own, { ...swap, start: 28 * MiB }])],
    ["another order", sectors([swap, ephemeral, root])],
    ["an ephemeral partition that is a sector larger", sectors([grown(ephemeral), swap, root])],
    ["one that starts a sector later", sectors([{ ...ephemeral, start: MiB + 512 }, swap, root])],
    ["another type", sectors([ephemeral, { ...swap, type: 0x83 }, root])],
    ["a root that is a sector smaller", sectors([ephemeral, swap, { ...root, size: root.size - 512 }])],
    ["the table, told in larger sectors", sectors(own, 4096)],
  ] as const)("are refused when they hold %s", ([, first]) => {
    expect(look(first, "check")).toThrow(refused);
    expect(look(first, "resume")).toThrow(refused);
  });

  it.for([
    ["the root", { ...layout, root: 30 * MiB }],
    ["the swap", { ...layout, swap: 3 * MiB }],
    ["no swap", { ...layout, swap: 0 }],
  ] as const)("may show another size of %s where the earlier system was cut so", ([, cut]) => {
    const earlier = sectors(tableOf(partitionsOf(cut, 10 * MiB)));
    expect(look(earlier, "check", 512, cut)).not.toThrow();
    expect(look(earlier, "resume", 512, cut)).not.toThrow();
    // This layout's own table is what an attempt of this deployment leaves, and nobody else.
    expect(look(sectors(own), "check", 512, cut)).toThrow(refused);
    expect(look(sectors(own), "resume", 512, cut)).not.toThrow();
  });

  it("are refused where the earlier system's ephemeral partition is not the layout's", () => {
    const cut = { ...layout, ephemeral: 6 * MiB };
    const earlier = sectors(tableOf(partitionsOf(cut, 10 * MiB)));
    expect(look(earlier, "check", 512, cut)).toThrow(refused);
  });

  it("are read in the disk's own sectors", () => {
    expect(look(sectors(own, 4096), "check", 4096)).not.toThrow();
    expect(look(sectors(own, 512), "check", 4096)).toThrow("shows Linux 40 MiB at 8 MiB");
  });

  it("may hold a GPT where the earlier system was cut so, and only there", () => {
    const cut = { ...layout, label: "gpt" } as const;
    const { head } = gptTable.encode(entriesOf(partitionsOf(cut, 10 * MiB)), 64 * MiB, 512);
    expect(look(head, "check", 512, cut)).not.toThrow();
    expect(look(head, "check")).toThrow("and shows GPT 67108352 bytes at 512 bytes");
    expect(look(sectors(own), "check", 512, cut)).toThrow("shows no GPT partition table");
  });

  it("are named together with what was expected, and with what to do", () => {
    const seen = sectors([ephemeral, { ...swap, size: 512, type: 0x07 }, root]);
    expect(look(seen, "check")).toThrow(
      "the ephemeral partition on the disk of the server at 192.0.2.7 cannot be kept: the disk was cut into " +
        "ephemeral 5 MiB at 1 MiB, swap 2 MiB at 6 MiB, root 20 MiB at 8 MiB, and shows " +
        "Linux 5 MiB at 1 MiB, type 0x7 512 bytes at 6 MiB, Linux 20 MiB at 8 MiB; nothing was written. " +
        "Set `preserveEphemeral: false`",
    );
    expect(look(mark.content, "check")).toThrow("and shows that a write began and did not end;");
    expect(look(Buffer.alloc(4096), "resume")).toThrow("and shows no MBR partition table;");
    expect(look(sectors([]), "resume")).toThrow("and shows an empty partition table;");
  });
});
