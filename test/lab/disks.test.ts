import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, type TestContext } from "vitest";
import { rejection } from "../../provider/resources/hints.ts";
import type { Disk } from "../../provider/services/callback/announcement.ts";
import { parseAnnouncement } from "../../provider/services/callback/parse.ts";
import { identityOf } from "../../provider/workflows/disk.ts";
import { bootRamdisk } from "./ramdisk-machine.ts";

const GiB = 2 ** 30;
const sizes = { sata: 5, v1: 5, v2: 5, a1: 5, a2: 6, b1: 5, twin: 5 } as const;
const scsi = "wwn=0x5000c500a1b2c3d4,serial=ZC1,share-rw=on";

/** SATA, two virtio, two NVMe drives of which one has two namespaces, and a SCSI disk by two paths; or the other way round. */
async function manyKinds(folder: string, turned: boolean): Promise<readonly string[]> {
  for (const [name, size] of Object.entries(sizes)) {
    await writeFile(join(folder, name), "");
    await truncate(join(folder, name), size * GiB);
  }
  const drive = (id: string, file = id) => [
    ...["-drive", `file=${join(folder, file)},if=none,id=${id},format=raw,cache=unsafe,file.locking=off`],
  ];
  const pairs = [
    [
      ["-device", "virtio-blk-pci,drive=v1,serial=VIRTIO-1"],
      ["-device", "virtio-blk-pci,drive=v2,serial=VIRTIO-2"],
    ],
    [
      [
        ...["-device", "nvme,id=a,serial=NVME-A", "-device", "nvme-ns,bus=a,drive=a1,nsid=1"],
        ...["-device", "nvme-ns,bus=a,drive=a2,nsid=2"],
      ],
      ["-device", "nvme,id=b,serial=NVME-B", "-device", "nvme-ns,bus=b,drive=b1,nsid=1"],
    ],
  ];
  return [
    ...["sata", "v1", "v2", "a1", "a2", "b1"].flatMap((id) => drive(id)),
    ...[...drive("p1", "twin"), ...drive("p2", "twin")],
    ...["-device", "ide-hd,drive=sata,bus=ide.0,serial=SATA-1,wwn=0x5000c50000000001"],
    ...pairs.flatMap((pair) => (turned ? pair.toReversed() : pair)).flat(),
    ...["-device", "virtio-scsi-pci,id=scsi"],
    ...[1, 2].flatMap((n) => ["-device", `scsi-hd,bus=scsi.0,drive=p${n},scsi-id=${n},${scsi}`]),
  ];
}

/** Boot, and what the ramdisk tells; it waits for nothing afterwards. */
async function told({ onTestFinished }: TestContext, args: readonly string[], turned: boolean) {
  const machine = await bootRamdisk({
    ...{ args, disks: (folder) => manyKinds(folder, turned) },
    answer: () => ({ status: 200, line: "ok" }),
  });
  onTestFinished(() => machine.stop());
  const body = await machine.wait("an announcement", 90, () => machine.announced[0]);
  const result = parseAnnouncement(body, "10.0.2.15");
  if (!result.ok) throw new Error(`not an announcement: ${result.reason}`);
  const { error, machine: seen } = result.announcement;
  return { machine, error, chosen: seen?.chosen, disks: seen?.disks ?? [] };
}
const named = (disks: readonly Disk[], name: string | undefined) => disks.find((disk) => disk.name === name);

describe.concurrent("the ramdisk on a machine with disks of all kinds", () => {
  it("chooses an NVMe namespace by hints, and knows it again under another name in the next boot", async (test) => {
    const hints = { serial: "NVME-A", size: "6" };
    const args = ["root_device=serial=NVME-A;size=6"];
    const first = await told(test, args, false);
    expect(first.error).toBeUndefined();
    const seen = first.disks.map(({ byId, serial, unfit }) => [
      byId.replace(/-[0-9a-f]+-(\d+)$/, "-…-$1"),
      serial,
      unfit,
    ]);
    expect(seen.sort()).toEqual([
      ["ata-QEMU_HARDDISK_SATA-1", "SATA-1", ""],
      // The kernel trusts no NVMe name of QEMU's and makes one of vendor, serial, model and namespace.
      ["nvme-nvme.1b36-4e564d452d41-…-00000001", "NVME-A", ""],
      ["nvme-nvme.1b36-4e564d452d41-…-00000002", "NVME-A", ""],
      ["nvme-nvme.1b36-4e564d452d42-…-00000001", "NVME-B", ""],
      ["virtio-VIRTIO-1", "VIRTIO-1", ""],
      ["virtio-VIRTIO-2", "VIRTIO-2", ""],
      ["wwn-0x5000c500a1b2c3d4", "ZC1", ""],
      ["wwn-0x5000c500a1b2c3d4", "ZC1", "second path"],
    ]);
    const chosen = named(first.disks, first.chosen);
    expect(chosen).toMatchObject({ size: 6 * GiB, hctl: "", rotational: false, holds: "" });
    expect(chosen?.byPath).toMatch(/^pci-0000:00:0\w\.0-nvme-2$/);
    expect(first.disks.filter((disk) => rejection(hints, disk) === "")).toEqual([chosen]);

    await first.machine.stop();
    const second = await told(test, args, true);
    const again = named(second.disks, second.chosen);
    expect([again?.byId, again?.name === chosen?.name]).toEqual([chosen?.byId, false]);
    // By the kernel's names each would be taken for another; by what they tell of themselves none is.
    const identities = (disks: readonly Disk[]) =>
      new Map(disks.map((disk) => [disk.name, identityOf(disk)]));
    const [before, after] = [identities(first.disks), identities(second.disks)];
    expect(
      ["vda", "vdb", "nvme0n1", "nvme1n1"].filter((name) => before.get(name) === after.get(name)),
    ).toEqual([]);
    expect([...after.values()].sort()).toEqual([...before.values()].sort());
  });

  it("waits for one that is late, and then says of each why it is not the one", async (test) => {
    const { error, chosen, disks } = await told(test, ["root_device=serial=LATE"], false);
    expect(chosen).toBeUndefined();
    const why = disks.map((disk) => `${disk.name}: ${rejection({ serial: "LATE" }, disk)}`).join("; ");
    expect(error).toBe(`no disk meets the root device hints: ${why}`);
    expect(error).toContain("serial is NVME-A, not LATE");
    expect(error).toContain("second path");
  });
});
