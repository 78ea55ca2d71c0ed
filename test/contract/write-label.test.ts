import { join } from "node:path";
import { execa } from "execa";
import { afterEach, describe, expect, it } from "vitest";
import type { SourceImage, WriteJob } from "../../provider/drivers/write/driver.ts";
import { iscsiPush } from "../../provider/drivers/write/iscsi-push.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { encodeFat } from "../../provider/services/volumes/fat.ts";
import { bytesAt, fillUsed, firstDifference, partitionImage } from "../fixtures/images.ts";
import { partitionsIn, tableProblems } from "../fixtures/tables.ts";
import { type ExportedDisk, exportDisk } from "../fixtures/tgtd.ts";

const MiB = 2 ** 20;
const size = 260 * MiB;
const env = { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
const uuid = "0f5ba0a3-8f3d-4d7e-9f6c-2f1f6f6f4a11";
const layout = { label: "gpt", efi: 64 * MiB, root: 60 * MiB, swap: 8 * MiB, ephemeral: 30 * MiB } as const;
const disks: ExportedDisk[] = [];
afterEach(async () => {
  for (const disk of disks.splice(0)) await disk.stop();
});

async function newDisk(): Promise<ExportedDisk> {
  const disk = await exportDisk(size, { fill: (path) => fillUsed(path, size) });
  disks.push(disk);
  return disk;
}

const write = (disk: ExportedDisk, image: SourceImage, more: Partial<WriteJob> = {}) =>
  iscsiPush({ scratch: disk.folder }).write(newContext(), {
    ...{ target: disk.target, layout, provenZero: 0, verify: "full", stall: "20 seconds", image },
    ...more,
  });

/** A partition of a disk as a file of its own. */
async function cut(disk: ExportedDisk, from: number, length: number): Promise<string> {
  const path = join(disk.folder, `cut-${from}`);
  const words = ["bs=1M", `skip=${from / MiB}`, `count=${length / MiB}`, "status=none"];
  await execa("dd", [`if=${disk.path}`, `of=${path}`, ...words]);
  return path;
}

describe("a partition image on a disk with a GPT", () => {
  it("gets an EFI system partition, empty, before Nova's partitions, and a volume behind them", async () => {
    const disk = await newDisk();
    const { image, raw } = await partitionImage(disk.folder, { format: "qcow2", uuid });
    await iscsiPush({ scratch: disk.folder }).check(newContext(), image, { layout });
    const volume = encodeFat({ label: "cidata", files: [], size: 2 * MiB });
    expect(await write(disk, image, { volume })).toMatchObject({ rootUuid: uuid, verified: "full" });
    expect(await tableProblems(disk.path, "gpt")).toBe("");
    const found = (await partitionsIn(disk.path)).map(({ start, size: length, type, name }) => {
      return [name, (start * 512) / MiB, (length * 512) / MiB, type];
    });
    expect(found).toEqual([
      ["efi system", 1, 64, "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"],
      ["linux", 65, 30, "0FC63DAF-8483-4772-8E79-3D69D8477DE4"],
      ["swap", 95, 8, "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"],
      ["linux", 103, 60, "0FC63DAF-8483-4772-8E79-3D69D8477DE4"],
      ["fat", 257, 2, "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"],
    ]);
    expect(await firstDifference([raw, 0], [disk.path, 103 * MiB], image.virtualSize)).toBeUndefined();
    expect((await bytesAt(disk.path, 257 * MiB, 2 * MiB)).equals(volume)).toBe(true);
    const efi = await cut(disk, MiB, 64 * MiB);
    await execa("fsck.fat", ["-n", efi], { env });
    const { stdout } = await execa("blkid", ["-p", "-o", "export", efi], { env });
    expect(stdout).toContain("LABEL=EFI\n");
    expect(stdout).toContain("VERSION=FAT32");
  });

  it("keeps the ephemeral partition in a reinstall, also when its table was an MBR before", async () => {
    const disk = await newDisk();
    const { image } = await partitionImage(disk.folder, { format: "raw", uuid });
    const before = { root: 60 * MiB, swap: 8 * MiB, ephemeral: 30 * MiB };
    await write(disk, image, { layout: before });
    const kept = await bytesAt(disk.path, MiB, 30 * MiB);
    const after = { ...before, label: "gpt", swap: 16 * MiB } as const;
    await write(disk, image, { layout: after, cut: before, keepEphemeral: "check" });
    expect((await bytesAt(disk.path, MiB, 30 * MiB)).equals(kept)).toBe(true);
    expect(await tableProblems(disk.path, "gpt")).toBe("");
    // And once more, from the GPT.
    await write(disk, image, { layout: { ...after, swap: 0 }, cut: after, keepEphemeral: "check" });
    expect((await bytesAt(disk.path, MiB, 30 * MiB)).equals(kept)).toBe(true);
  });

  it("is refused where an EFI system partition would push the ephemeral one away, and nothing is written", async () => {
    const disk = await newDisk();
    const { image } = await partitionImage(disk.folder, { format: "raw", uuid });
    const before = { root: 60 * MiB, swap: 8 * MiB, ephemeral: 30 * MiB };
    await write(disk, image, { layout: before });
    const first = await bytesAt(disk.path, 0, 2 * MiB);
    const refused = write(disk, image, { cut: before, keepEphemeral: "check" });
    await expect(refused).rejects.toMatchObject({ code: "WRITE_LAYOUT_DIFFERS" });
    expect((await bytesAt(disk.path, 0, 2 * MiB)).equals(first)).toBe(true);
  });
});
