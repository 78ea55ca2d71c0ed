import { mkdtemp, open, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { execa } from "execa";
import { afterEach, describe, expect, it } from "vitest";
import type { Announcement } from "../../provider/services/callback/announcement.ts";
import { parseAnnouncement } from "../../provider/services/callback/parse.ts";
import { bootRamdisk, type Machine, type MachineParts } from "./ramdisk-machine.ts";

const GiB = 2 ** 30;
const MiB = 2 ** 20;
const machines: Machine[] = [];
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.stop();
});

async function boot(parts: MachineParts): Promise<Machine> {
  const machine = await bootRamdisk(parts);
  machines.push(machine);
  return machine;
}

const drive = (id: string, file: string, device: string, discard = "ignore") => [
  ...["-drive", `file=${file},if=none,id=${id},format=raw,cache=unsafe,discard=${discard}`],
  ...["-device", `${device},drive=${id}`],
];

async function sparse(folder: string, name: string, size: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, "");
  await truncate(path, size);
  return path;
}

async function patch(path: string, at: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "r+");
  await file.write(bytes, 0, bytes.length, at);
  await file.close();
}

/** A GPT with one ext4 file system, called `root`. */
async function withSystem(path: string): Promise<string> {
  await execa("sfdisk", ["-q", path], { input: "label: gpt\nstart=2048,size=204800,type=L\n" });
  await execa("mke2fs", ["-q", "-F", "-t", "ext4", "-L", "root", "-E", `offset=${MiB}`, path, "100M"]);
  return path;
}

/** The label that makes a whole disk a member of an LVM volume group. */
async function withLvm(path: string): Promise<string> {
  const label = Buffer.alloc(512);
  label.write("LABELONE", 0);
  label.writeBigUInt64LE(1n, 8);
  label.writeUInt32LE(32, 20);
  label.write(`LVM2 001${"a".repeat(32)}`, 24);
  // Without the final inversion, and from a start of its own.
  label.writeUInt32LE(~crc32(label.subarray(20), ~0xf597a6cf >>> 0) >>> 0, 16);
  await patch(path, 512, label);
  return path;
}

async function fourDisks(folder: string): Promise<readonly string[]> {
  return [
    ...drive("d0", await sparse(folder, "blank", 8 * GiB), "ide-hd,bus=ide.0,serial=BLANK-1"),
    ...drive(
      "d1",
      await withSystem(await sparse(folder, "used", 5 * GiB)),
      "ide-hd,bus=ide.1,serial=USED-1,wwn=0x5000c50000000001",
    ),
    ...drive("d2", await withLvm(await sparse(folder, "lvm", 5 * GiB)), "nvme,serial=LVM-1"),
    ...drive("d3", await sparse(folder, "small", GiB), "virtio-blk-pci,serial=SMALL-1"),
  ];
}

function parsed(body: string): Announcement {
  const result = parseAnnouncement(body, "10.0.2.15");
  if (!result.ok) throw new Error(`not an announcement: ${result.reason}`);
  return result.announcement;
}

const refuseTwice = (n: number) =>
  n < 2 ? { status: 400, line: "one moment please" } : { status: 200, line: "ok" };

describe("the deploy ramdisk", () => {
  it("tells the machine, exports the disk that is meant, and reboots with what was written on the disk", async () => {
    const args = ["root_device=serial=blank-1;size=%3E%3D%204", `zero_bytes=${128 * MiB}`];
    const machine = await boot({ args, disks: fourDisks, answer: refuseTwice });
    const { announced, folder, wait } = machine;

    await wait("the third announcement", 60, () => announced[2]);
    expect(await machine.serial()).toContain("400 one moment please");
    const told = parsed(announced[2] ?? "");
    expect(told).toMatchObject({
      deployment: "d-1",
      key: "very-secret",
      address: "10.0.2.15",
      port: 3260,
      lun: 1,
    });
    expect(told.iqn).toMatch(/^iqn\.2026-11\.test:node-1:[0-9a-f]{8}$/);
    expect(told.error).toBeUndefined();
    expect(told.machine).toMatchObject({
      ...{ serial: "SRV-7", productUuid: "11111111-2222-3333-4444-555555555555", firmware: "bios" },
      macs: ["52:54:00:00:00:07"],
    });
    const disks = told.machine?.disks ?? [];
    // A kernel names disks in the order in which they answer, another one at each boot.
    const nameOf = (serial: string) => disks.find(({ byId }) => byId.endsWith(serial))?.name ?? "absent";
    const [blank, used] = [nameOf("BLANK-1"), nameOf("USED-1")];
    expect([blank, used].sort()).toEqual(["sda", "sdb"]);
    expect(told.machine?.chosen).toBe(blank);
    const byName = disks.map(({ name, unfit, holds, byId, zero }) => ({ name, unfit, holds, byId, zero }));
    expect(byName.sort((a, b) => a.byId.localeCompare(b.byId))).toEqual([
      { name: blank, unfit: "", holds: "", byId: "ata-QEMU_HARDDISK_BLANK-1", zero: 128 * MiB },
      {
        name: used,
        unfit: "",
        holds: `gpt; ext4 "root" on ${used}1`,
        byId: "ata-QEMU_HARDDISK_USED-1",
        zero: 0,
      },
      { name: "nvme0n1", unfit: "", holds: "LVM2_member", byId: expect.stringMatching(/^nvme-/), zero: 0 },
      { name: "vda", unfit: "too small", holds: "", byId: "virtio-SMALL-1", zero: 0 },
    ]);

    const { stdout } = await execa("qemu-img", ["info", "--output=json", machine.lun(told.iqn)]);
    expect(JSON.parse(stdout)["virtual-size"]).toBe(8 * GiB);
    await execa("qemu-io", ["-f", "raw", "-c", "write -P 0x5a 4M 1M", machine.lun(told.iqn)]);

    await machine.say("hello?\n");
    await machine.say("");
    await wait("another announcement after the acceptance", 30, () => announced[3]);
    expect(machine.running()).toBe(true);
    await machine.say("done");
    await wait("the reboot", 20, () => (machine.running() ? undefined : true));
    expect(await machine.serial()).toContain("BAREMETAL done");
    await execa("qemu-io", ["-f", "raw", "-c", "read -P 0x5a 4M 1M", join(folder, "blank")]);
  });

  it("erases the disk that it is told to, at the helper's word and not before, and tells so", async () => {
    const machine = await boot({
      args: ["mode=clean", "clean=discard", "clean_disks=USED-1"],
      disks: async (folder) => [
        ...drive(
          "d0",
          await withSystem(await sparse(folder, "other", 5 * GiB)),
          "ide-hd,bus=ide.0,serial=OTHER",
        ),
        ...drive(
          "d1",
          await withSystem(await sparse(folder, "used", 5 * GiB)),
          "nvme,serial=USED-1",
          "unmap",
        ),
      ],
      answer: () => ({ status: 200, line: "ok" }),
    });
    const { announced, folder, wait } = machine;
    const before = parsed(await wait("an announcement", 60, () => announced[0]));
    expect([before.mode, before.error, before.cleaned, before.iqn]).toEqual([
      "clean",
      undefined,
      undefined,
      "",
    ]);
    const used = before.machine?.disks.find(({ serial }) => serial === "USED-1");
    expect(used?.holds).toBe('gpt; ext4 "root" on nvme0n1p1');
    await machine.say("done");
    await wait("another announcement", 30, () => announced[1]);
    expect(parsed(announced[1] ?? "").progress).toBeUndefined();

    await machine.say("clean");
    const last = () => parsed(announced.at(-1) ?? "");
    await wait("the end of the cleaning", 60, () => last().cleaned ?? last().error);
    expect(last()).toMatchObject({
      cleaned: [{ disk: "USED-1", name: "nvme0n1", size: 5 * GiB, method: "discard" }],
    });
    await machine.say("done");
    await wait("the power-off", 20, () => (machine.running() ? undefined : true));
    const blkid = (name: string) =>
      execa("blkid", ["-p", "-s", "PTTYPE", "-o", "value", join(folder, name)], { reject: false });
    expect([(await blkid("used")).stdout, (await blkid("other")).stdout]).toEqual(["", "gpt"]);
    // What was discarded takes no room any more: the ends alone were written after it.
    expect((await stat(join(folder, "used"))).blocks * 512).toBeLessThanOrEqual(8 * MiB);
  });

  it("runs the site's hooks before the disk is chosen and at the helper's word, and gives up with the words of one that fails", async () => {
    const hooksDir = await mkdtemp(join(tmpdir(), "hooks-"));
    const hook = async (name: string, lines: string) => {
      await writeFile(join(hooksDir, name), `#!/bin/sh\n${lines}\n`);
      // The same in each run: then its ramdisk lies in the cache.
      await utimes(join(hooksDir, name), 0, 0);
    };
    await hook("before-disk", "echo the machine is $SERIAL > /run/hooked");
    // What the helper has written meanwhile is what the hook finds on the disk, and its partition is there.
    await hook("before-done-1", 'cat /run/hooked && test -b $DISK"1"');
    await hook("before-done-2", 'blkid $DISK"1" | grep -q system || { echo "no system on $DISK"; exit 3; }');
    try {
      const machine = await boot({
        hooksDir,
        args: [],
        disks: async (folder) => drive("d0", await sparse(folder, "one", 5 * GiB), "ide-hd,bus=ide.0"),
        answer: () => ({ status: 200, line: "ok" }),
      });
      const { announced, wait } = machine;
      const first = parsed(await wait("an announcement", 60, () => announced[0]));
      expect(first).toMatchObject({ machine: { hooks: "waiting", chosen: "sda" } });
      const written = await withSystem(await sparse(machine.folder, "system", 200 * MiB));
      await execa("qemu-img", ["convert", "-n", "-f", "raw", "-O", "raw", written, machine.lun(first.iqn)]);
      await machine.say("hooks");
      const failed = await wait("the failure", 30, () => announced.map(parsed).find(({ error }) => error));
      expect(failed.error).toBe("the hook before-done-2 ended with code 3: no system on /dev/sda");
      expect(failed.log).toContain("the machine is SRV-7");
    } finally {
      await rm(hooksDir, { recursive: true });
    }
  });

  it("exports nothing when two disks meet the hints, says which, and opens a shell to whoever is to look", async () => {
    const machine = await boot({
      args: ["disk=sda,hda", "root_device=model=%3Cin%3E%20harddisk;size=%3E%3D%205", "troubleshoot=1"],
      disks: async (folder) => [
        ...drive("d0", await sparse(folder, "one", 5 * GiB), "ide-hd,bus=ide.0,serial=ONE"),
        ...drive("d1", await sparse(folder, "two", 5 * GiB), "ide-hd,bus=ide.1,serial=TWO"),
      ],
      answer: () => ({ status: 200, line: "ok" }),
    });
    const body = await machine.wait("an announcement", 60, () => machine.announced[0]);
    const told = parsed(body);
    expect(told.error).toMatch(
      /^2 disks meet the root device hints: sd[ab] \(5\.0 GiB, QEMU HARDDISK, serial (?:ONE|TWO), blank\), sd[ab] /,
    );
    expect(told.machine?.chosen).toBeUndefined();
    expect(told.log).toContain("BAREMETAL error");
    expect(told.log).not.toContain("very-secret");
    const { failed } = await execa("qemu-img", ["info", machine.lun(told.iqn)], {
      reject: false,
      timeout: 5_000,
    });
    expect(failed).toBe(true);
    await machine.wait("the error once more", 20, () => machine.announced[1]);
    const answered = async () => ((await machine.serial()).includes("it is 42") ? true : undefined);
    await machine.wait("an answer of the shell", 20, async () => {
      await machine.type("echo it is $((6 * 7))\n");
      return await answered();
    });
  });
});
