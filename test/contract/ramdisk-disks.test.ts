import { open, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ShellMachine, shellMachine } from "../fixtures/ramdisk-shell.ts";

const MiB = 2 ** 20;
let machine: ShellMachine;
beforeEach(async () => {
  machine = await shellMachine();
});
afterEach(() => machine.remove());

const ata = "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0";

/** An IDENTIFY block in its SCSI page: each pair of bytes swapped. */
function identifyPage(model: string): Buffer {
  const page = Buffer.alloc(572);
  Buffer.from(model.padEnd(40))
    .swap16()
    .copy(page, 60 + 54);
  return page;
}

/** The content of a disk. */
async function content(
  name: string,
  size: number,
  writes: Readonly<Record<number, string>> = {},
): Promise<string> {
  const path = join(machine.folder, "dev", name);
  await writeFile(path, "");
  await truncate(path, size);
  const file = await open(path, "r+");
  for (const [at, text] of Object.entries(writes)) await file.write(text, Number(at));
  await file.close();
  return path;
}

describe("the list of disks", () => {
  it("tells a SATA disk as udev would name it", async () => {
    await machine.disk("sda", ata, {
      ...{
        "device/type": "0",
        "device/vendor": "ATA     ",
        "device/model": "SAMSUNG MZ7LH960",
        "queue/rotational": "0",
      },
      ...{
        "device/wwid": "naa.5002538e00000001",
        "device/vpd_pg80": Buffer.from("\0\x80\0\x0e      S45NNA0001", "latin1"),
      },
      ...{ "device/vpd_pg89": identifyPage("SAMSUNG MZ7LH960HAJR-00005"), size: String(20 * 2 ** 11) },
    });
    await machine.lay({ "sys/class/ata_port/ata1/port_no": "1\n" });
    await content("sda", 20 * MiB);
    const [line] = (await machine.run(["disks"], 'least=1; list_disks; cat "$STATE/disks"')).split("\n");
    expect(Object.fromEntries((line ?? "").split("\t").map((pair) => pair.split("=")))).toEqual({
      ...{ name: "sda", size: String(20 * MiB), sector: "512", vendor: "ATA", serial: "S45NNA0001" },
      ...{ model: "SAMSUNG MZ7LH960HAJR-00005", wwn: "0x5002538e00000001", hctl: "0:0:0:0" },
      ...{ byId: "ata-SAMSUNG_MZ7LH960HAJR-00005_S45NNA0001", byPath: "pci-0000:00:1f.2-ata-1" },
      ...{ rotational: "false", unfit: "", holds: "", zero: "0" },
    });
  });

  it("keeps strange texts on one line", async () => {
    await machine.disk("sda", ata, { "device/type": "0", "device/model": "A\tB=C\u0007 D" });
    await content("sda", 20 * MiB);
    const lines = (await machine.run(["disks"], 'list_disks; cat "$STATE/disks"')).split("\n");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("\tmodel=A B=C D\t");
  });

  const sas = (host: string, id: string, more: object = {}) =>
    [
      `pci0000:00/0000:03:00.0/host${host}/target${host}:0:${id}/${host}:0:${id}:0`,
      { "device/type": "0", ...more },
    ] as const;
  /** Kernel name and what speaks against it, a line each. */
  const unfits = () =>
    machine.run(
      ["disks"],
      'list_disks; sed "s/name=\\([^\t]*\\).*unfit=\\([^\t]*\\).*/\\1: \\2/" "$STATE/disks"',
    );

  it("tells the second path to a disk as such, and the first one that qualifies is the first", async () => {
    const same = { "device/wwid": "naa.5000C50000000001", "device/vpd_pg80": Buffer.from("\0\x80\0\x03Z01") };
    await machine.disk("sda", ...sas("1", "0", { ...same, ro: "1" }));
    await machine.disk("sdb", ...sas("1", "1", same));
    await machine.disk("sdc", ...sas("2", "0", same));
    expect(await unfits()).toBe("sda: read-only\nsdb: \nsdc: second path");
  });

  it.for([
    { what: "drives that a vendor gave one WWN", wwid: "naa.5000c50000000001", serials: ["A", "B"] },
    { what: "drives whose WWN is nothing but zeros", wwid: "naa.0000000000000000", serials: ["A", "A"] },
    { what: "drives that tell no WWN", wwid: "", serials: ["A", "A"] },
  ])("takes two $what for two disks", async ({ wwid, serials }) => {
    for (const [index, serial] of serials.entries()) {
      const page = Buffer.from(`\0\x80\0\x01${serial}`, "latin1");
      await machine.disk(
        `sd${"ab"[index]}`,
        ...sas("1", String(index), { "device/wwid": wwid, "device/vpd_pg80": page }),
      );
    }
    expect(await unfits()).toBe("sda: \nsdb: ");
  });

  it("tells the namespaces of one NVMe drive as disks of their own, and no single path to one", async () => {
    const place = "pci0000:00/0000:01:00.0/nvme/nvme0";
    const drive = { "device/model": "KCD6", "device/serial": "X1", "device/transport": "pcie" };
    await machine.disk("nvme0n1", place, { ...drive, wwid: "eui.00a0000000000001", nsid: "1" });
    await machine.disk("nvme0n2", place, { ...drive, wwid: "eui.00a0000000000002", nsid: "2" });
    await machine.disk("nvme0n3", place, { ...drive, wwid: "eui.00a0000000000003", nsid: "3", hidden: "1" });
    await machine.disk("nvme0c0n4", place, { ...drive, wwid: "eui.00a0000000000004" });
    const told = await machine.run(["disks"], 'list_disks; cat "$STATE/disks"');
    const shown = told
      .split("\n")
      .map((line) => /^name=(\S+).*\twwn=(\S+)\tbyId=(\S+)\tbyPath=(\S+).*unfit=\t/.exec(line)?.slice(1));
    expect(shown).toEqual([
      ["nvme0n1", "eui.00a0000000000001", "nvme-eui.00a0000000000001", "pci-0000:01:00.0-nvme-1"],
      ["nvme0n2", "eui.00a0000000000002", "nvme-eui.00a0000000000002", "pci-0000:01:00.0-nvme-2"],
    ]);
  });

  it.for([
    {
      what: "an NVMe disk that two controllers may reach",
      name: "nvme0n1",
      place: "virtual/nvme-subsystem/nvme-subsys0",
      also: { "sys/devices/virtual/nvme-subsystem/nvme-subsys0/nvme1": "pci0000:00/0000:c1:00.0/nvme/nvme1" },
      files: { nsid: "1" },
      byPath: "pci-0000:c1:00.0-nvme-1",
    },
    {
      what: "a SAS disk in a slot",
      name: "sda",
      place: "pci0000:00/0000:03:00.0/host0/port-0:2/end_device-0:2/target0:0:2/0:0:2:0",
      files: {},
      sys: { "sas_port/port-0:2/num_phys": "1", "sas_device/end_device-0:2/phy_identifier": "2" },
      byPath: "pci-0000:03:00.0-sas-phy2-lun-0",
    },
    {
      what: "a SAS disk behind an expander",
      name: "sda",
      place:
        "pci0000:00/0000:03:00.0/host0/port-0:0/expander-0:0/port-0:0:7/end_device-0:0:7/target0:0:7/0:0:7:0",
      files: {},
      sys: {
        "sas_port/port-0:0:7/num_phys": "1",
        "sas_device/end_device-0:0:7/phy_identifier": "7",
        "sas_device/expander-0:0/sas_address": "0x500e004aaaaaaaff",
      },
      byPath: "pci-0000:03:00.0-sas-exp0x500e004aaaaaaaff-phy7-lun-0",
    },
    {
      what: "a SAS disk on two lanes",
      name: "sda",
      place: "pci0000:00/0000:03:00.0/host0/port-0:2/end_device-0:2/target0:0:2/0:0:2:0",
      files: {},
      sys: {
        "sas_port/port-0:2/num_phys": "2",
        "sas_device/end_device-0:2/sas_address": "0x5000c500a1b2c3d5",
      },
      byPath: "pci-0000:03:00.0-sas-0x5000c500a1b2c3d5-lun-0",
    },
    {
      what: "a virtio-scsi disk",
      name: "sda",
      place: "pci0000:00/0000:00:05.0/virtio1/host2/target2:0:1/2:0:1:3",
      files: {},
      byPath: "pci-0000:00:05.0-scsi-0:0:1:3",
    },
    {
      what: "a virtio disk",
      name: "vda",
      place: "pci0000:00/0000:00:04.0/virtio1",
      files: {},
      byPath: "pci-0000:00:04.0",
    },
  ])("names the place of $what as udev does", async ({ name, place, files, also = {}, sys = {}, byPath }) => {
    await machine.disk(name, place, files);
    for (const [from, to] of Object.entries(also)) {
      await machine.lay({ [`sys/devices/${to}/transport`]: "pcie" });
      await symlink(join(machine.folder, "sys/devices", to), join(machine.folder, from));
    }
    await machine.lay(
      Object.fromEntries(Object.entries(sys).map(([path, text]) => [`sys/class/${path}`, text])),
    );
    expect(await machine.run(["disks"], `identify ${name}; by_path ${name}; printf %s "$REPLY"`)).toBe(
      byPath,
    );
  });

  it.for([
    {
      what: "a usb stick",
      name: "sdx",
      place: "pci0000:00/0000:00:14.0/usb2/2-1/host7/target7:0:0/7:0:0:0",
      unfit: "usb",
    },
    { what: "a cdrom", name: "sr0", place: ata, files: { "device/type": "5" }, unfit: "cdrom" },
    { what: "a tape", name: "sdx", place: ata, files: { "device/type": "1" }, unfit: "not a disk" },
    {
      what: "an iSCSI disk",
      name: "sdx",
      place: "platform/host8/session1/target8:0:0/8:0:0:1",
      unfit: "remote",
    },
    {
      what: "a Fibre Channel LUN",
      name: "sdx",
      place: "pci0000:00/0000:05:00.0/host9/rport-9:0-1/target9:0:0/9:0:0:1",
      unfit: "remote",
    },
    {
      what: "an NVMe disk over TCP",
      name: "nvme0n1",
      place: "virtual/nvme-fabrics/ctl/nvme0",
      files: { "device/transport": "tcp" },
      unfit: "remote",
    },
    {
      what: "a local NVMe disk",
      name: "nvme0n1",
      place: "pci0000:00/0000:01:00.0/nvme/nvme0",
      files: { "device/transport": "pcie" },
      unfit: "",
    },
    {
      what: "a card in a reader",
      name: "sdx",
      place: ata,
      files: { "device/type": "0", removable: "1" },
      unfit: "removable",
    },
    {
      what: "a write-protected disk",
      name: "sdx",
      place: ata,
      files: { "device/type": "0", ro: "1" },
      unfit: "read-only",
    },
    {
      what: "a disk of 3 GiB",
      name: "vda",
      place: "pci0000:00/0000:00:04.0/virtio1",
      files: { size: "6291456" },
      unfit: "too small",
    },
    { what: "a disk of 10 GiB", name: "vda", place: "pci0000:00/0000:00:04.0/virtio1", unfit: "" },
  ])("says of $what: $unfit", async ({ name, place, files, unfit }) => {
    await machine.disk(name, place, files ?? { "device/type": "0" });
    expect(await machine.run(["disks"], `unfit ${name}; printf %s "$REPLY"`)).toBe(unfit);
  });

  it.for([
    { what: "nothing", writes: {}, holds: "" },
    { what: "data at its start", writes: { 1000: "x" }, holds: "unknown data" },
    { what: "data at its end", writes: { [20 * MiB - 10]: "x" }, holds: "unknown data" },
    { what: "swap space", writes: {}, make: ["mkswap", "-L", "swap one"], holds: 'swap "swap one"' },
    {
      what: "a file system",
      writes: {},
      make: ["mke2fs", "-q", "-F", "-t", "ext4", "-L", "data"],
      holds: 'ext4 "data"',
    },
    { what: "a partition table", writes: {}, make: ["sfdisk", "-q"], input: "label: dos\n", holds: "dos" },
  ])("tells that a disk holds $what", async ({ writes, make, input = "", holds }) => {
    await machine.disk("sda", ata, { "device/type": "0", size: String(20 * 2 ** 11) });
    const path = await content("sda", 20 * MiB, writes);
    const [program, ...words] = make ?? [];
    if (program !== undefined) await execa(program, [...words, path], { input });
    expect(await machine.run(["disks"], 'holds sda; printf %s "$REPLY"')).toBe(holds);
  });

  it("tells what lies on the partitions", async () => {
    await machine.disk("sda", ata, { "device/type": "0", "sda1/partition": "1", "sda2/partition": "2" });
    await execa("sfdisk", ["-q", await content("sda", 40 * MiB)], { input: "label: gpt\n,10M\n,10M\n" });
    await content("sda1", 10 * MiB);
    await execa("mkswap", [await content("sda2", 10 * MiB)]);
    expect(await machine.run(["disks"], 'holds sda; printf %s "$REPLY"')).toBe("gpt; swap on sda2");
  });
});

describe("zeros", () => {
  it.for([
    { what: "a blank disk", size: 200, writes: {}, count: 150 * MiB, proven: 150 },
    {
      what: "a disk with data behind",
      size: 200,
      writes: { [180 * MiB]: "x" },
      count: 150 * MiB + 5,
      proven: 150,
    },
    {
      what: "data in the second piece",
      size: 200,
      writes: { [70 * MiB + 5]: "x" },
      count: 150 * MiB,
      proven: 70,
    },
    { what: "data in the first byte", size: 200, writes: { 0: "x" }, count: 150 * MiB, proven: 0 },
    { what: "a disk that is shorter than it says", size: 80, writes: {}, count: 150 * MiB, proven: 64 },
  ])("are proven on $what up to $proven MiB", async ({ size, writes, count, proven }) => {
    const path = await content("sda", size * MiB, writes);
    expect(await machine.run(["zeros"], `read_zeros ${path} ${count} 60; echo $proven`)).toBe(
      String(proven * MiB),
    );
  });
});
