import { randomBytes } from "node:crypto";
import { execa } from "execa";
import { afterEach, describe, expect, it } from "vitest";
import type { WriteJob } from "../../provider/drivers/write/driver.ts";
import { iscsiPush } from "../../provider/drivers/write/iscsi-push.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { bytesAt, fillUsed, firstDifference, partitionImage } from "../fixtures/images.ts";
import { partitionsIn, tabledImage, tableProblems } from "../fixtures/tables.ts";
import { type ExportedDisk, exportDisk } from "../fixtures/tgtd.ts";

const MiB = 2 ** 20;
const volume = randomBytes(MiB);
const disks: ExportedDisk[] = [];
afterEach(async () => {
  for (const disk of disks.splice(0)) await disk.stop();
});

async function newDisk(size: number, sector = 512): Promise<ExportedDisk> {
  const disk = await exportDisk(size, { fill: (path) => fillUsed(path, size), sector });
  disks.push(disk);
  return disk;
}

const write = (disk: ExportedDisk, job: Pick<WriteJob, "image"> & Partial<WriteJob>) =>
  iscsiPush({ scratch: disk.folder }).write(newContext(), {
    ...{ target: disk.target, provenZero: 0, verify: "full", stall: "20 seconds", ...job },
  });
const sectors = (path: string) =>
  partitionsIn(path).then((all) => all.map(({ start, size }) => [start, size]));

describe("a whole-disk image with a volume beside it", () => {
  it.for([
    ["gpt", 64 * MiB, 62],
    ["gpt", 64 * MiB + 512, 62],
    ["gpt", 26 * MiB, 24],
    ["gpt", 24 * MiB, 22],
    ["mbr", 64 * MiB, 63],
    ["mbr", 24 * MiB + 512 * 7, 23],
  ] as const)(
    "keeps its partitions, and its %s table holds on a disk of %i bytes",
    async ([table, size, at]) => {
      const disk = await newDisk(size);
      const image = await tabledImage(disk.folder, { table });
      const before = await sectors(image.path);
      await write(disk, { image, volume });
      expect(await tableProblems(disk.path, table)).toBe("");
      expect(await sectors(disk.path)).toEqual([...before, [at * 2048, 2048]]);
      expect((await bytesAt(disk.path, at * MiB, MiB)).equals(volume)).toBe(true);
      for (const [from, length] of [
        [MiB, 2 * MiB],
        [4 * MiB, 16 * MiB],
      ] as const) {
        expect(await firstDifference([image.path, from], [disk.path, from], length)).toBeUndefined();
      }
    },
  );

  it("moves a GPT's second copy to the disk's end without a volume, too, and leaves none behind", async () => {
    const disk = await newDisk(64 * MiB);
    const image = await tabledImage(disk.folder, { table: "gpt" });
    await write(disk, { image });
    expect(await tableProblems(disk.path, "gpt")).toBe("");
    expect(await sectors(disk.path)).toEqual(await sectors(image.path));
    const signature = async (at: number) => (await bytesAt(disk.path, at, 8)).toString("latin1");
    expect(await signature(64 * MiB - 512)).toBe("EFI PART");
    expect(await signature(24 * MiB - 512)).not.toBe("EFI PART");
    expect(await firstDifference([image.path, MiB], [disk.path, MiB], 22 * MiB)).toBeUndefined();
  });

  it("is refused with what is missing before the first byte where the disk has no room", async () => {
    const disk = await newDisk(24 * MiB);
    const image = await tabledImage(disk.folder, { table: "mbr", last: 24 });
    await execa("cp", [disk.path, `${disk.folder}/before`]);
    await expect(write(disk, { image, volume })).rejects.toMatchObject({
      code: "WRITE_VOLUME_NO_ROOM",
      message: expect.stringContaining("1 MiB are missing; nothing was written"),
    });
    expect(await firstDifference([`${disk.folder}/before`, 0], [disk.path, 0], 24 * MiB)).toBeUndefined();
  });
});

describe("a partition image with a volume beside it", () => {
  const layout = { root: 30 * MiB, swap: 4 * MiB, ephemeral: 8 * MiB };

  it.for([512, 4096])("gets it as the last of its partitions, on sectors of %i bytes", async (sector) => {
    const disk = await newDisk(64 * MiB, sector);
    const uuid = crypto.randomUUID();
    const { image, raw } = await partitionImage(disk.folder, { format: "qcow2", uuid });
    await write(disk, { image, layout, volume, sector });
    expect((await bytesAt(disk.path, 63 * MiB, MiB)).equals(volume)).toBe(true);
    expect(await firstDifference([raw, 0], [disk.path, 13 * MiB], image.virtualSize)).toBeUndefined();
    if (sector !== 512) return;
    expect(await tableProblems(disk.path, "mbr")).toBe("");
    const inMiB = (await sectors(disk.path)).map((ends) => ends.map((n) => n / 2048));
    expect(inMiB).toEqual([
      [1, 8],
      [9, 4],
      [13, 30],
      [63, 1],
    ]);
  });

  it.for([
    ["another volume", true, true],
    ["none any more", true, false],
    ["a first one", false, true],
  ] as const)("keeps the ephemeral partition when it is written again with %s", async ([, had, gets]) => {
    const disk = await newDisk(64 * MiB);
    const { image } = await partitionImage(disk.folder, { format: "qcow2", uuid: crypto.randomUUID() });
    await write(disk, { image, layout, ...(had ? { volume } : {}) });
    const before = await bytesAt(disk.path, MiB, 8 * MiB);
    const another = randomBytes(MiB);
    await write(disk, { image, layout, keepEphemeral: "check", ...(gets ? { volume: another } : {}) });
    expect((await bytesAt(disk.path, MiB, 8 * MiB)).equals(before)).toBe(true);
    expect((await bytesAt(disk.path, 63 * MiB, MiB)).equals(another)).toBe(gets);
    expect(await sectors(disk.path)).toHaveLength(gets ? 4 : 3);
  });

  it("is refused with what is missing where its partitions leave no room", async () => {
    const disk = await newDisk(44 * MiB - 512);
    const { image } = await partitionImage(disk.folder, { format: "qcow2", uuid: crypto.randomUUID() });
    await expect(write(disk, { image, layout, volume })).rejects.toMatchObject({
      code: "WRITE_VOLUME_NO_ROOM",
    });
    await write(disk, { image, layout });
    expect(await sectors(disk.path)).toHaveLength(3);
  });
});
