import { mkdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytesAt, patch } from "../fixtures/images.ts";
import { type ShellMachine, shellMachine } from "../fixtures/ramdisk-shell.ts";

const MiB = 2 ** 20;
const env = { PATH: `${process.env["PATH"]}:/usr/sbin` };
let machine: ShellMachine;
const part = () => join(machine.folder, "dev/sda2");

/** An ext file system of 16 MiB in a partition of 64 MiB, the second one of a disk. */
beforeEach(async () => {
  machine = await shellMachine();
  await machine.lay({
    ...{ "sys/block/sda/inflight": "0 0\n", "sys/block/sda/sda1/start": "2048\n" },
    ...{ "sys/block/sda/sda2/start": "8192\n", "dev/sda2": "", "tree/etc/hostname": "web\n" },
  });
  await truncate(part(), 16 * MiB);
});
afterEach(() => machine.remove());

const make = async (...words: string[]) => {
  await execa("mke2fs", ["-q", "-F", ...words, "-d", join(machine.folder, "tree"), part()], { env });
  await truncate(part(), 64 * MiB);
};
// The disk is a folder of files here: there is no table that a kernel could read.
const grow = async (start = 4 * MiB) => {
  const lines = `read_table() { :; }; CONSOLES=; CHOSEN=sda; grow ${start}; printf %s "$GROWTH"`;
  return await machine.run(["disks", "target", "grow"], `PATH=$PATH:/usr/sbin; ${lines}`);
};
const blocks = async () => (await bytesAt(part(), 1024 + 4, 4)).readUInt32LE();
const sound = async () =>
  (await execa("e2fsck", ["-f", "-n", part()], { env, reject: false })).exitCode === 0;

describe("the root file system", () => {
  it.for([
    ["ext4", ["-t", "ext4", "-b", "4096"], 4],
    ["ext4 with blocks of 1 KiB", ["-t", "ext4", "-b", "1024"], 1],
    ["ext3", ["-t", "ext3", "-b", "4096"], 4],
    ["ext2", ["-t", "ext2", "-b", "4096"], 4],
    ["ext4 that has no inode for growing", ["-t", "ext4", "-b", "4096", "-O", "^resize_inode"], 4],
  ] as const)("fills its partition: %s", async ([, words, KiB]) => {
    await make(...words);
    expect(await grow()).toBe(`grown ${64 * MiB}`);
    expect(await blocks()).toBe((64 * 1024) / KiB);
    expect(await sound()).toBe(true);
    const { stdout } = await execa("debugfs", ["-R", "cat /etc/hostname", part()], { env });
    expect(stdout).toBe("web");
  });

  it("is as it was when it is asked again", async () => {
    await make("-t", "ext4");
    expect(await grow()).toBe(`grown ${64 * MiB}`);
    expect(await grow()).toBe(`grown ${64 * MiB}`);
  });

  it("is left where it is damaged, and that is told as damage", async () => {
    await make("-t", "ext4", "-b", "4096");
    // Every inode of the first group: nothing that a check without questions mends.
    const { stdout } = await execa("dumpe2fs", [part()], { env });
    const table = Number(/Inode table at (\d+)/.exec(stdout)?.[1]);
    await patch(part(), [[table * 4096, Buffer.alloc(4 * 4096, 0xa5)]]);
    expect(await grow()).toMatch(/^damaged .+/);
    expect(await blocks()).toBe(4096);
  });

  it.for([
    ["its features are newer than the tools", (at: Buffer) => at.writeUInt32LE(0x4000_0000, 0x60)],
    ["it is none that grows", (at: Buffer) => at.fill(0)],
  ] as const)("is left as it is where %s", async ([, change]) => {
    await make("-t", "ext4", "-O", "^metadata_csum");
    const block = await bytesAt(part(), 1024, 1024);
    change(block);
    await patch(part(), [[1024, block]]);
    for (const backup of [32, 96]) await patch(part(), [[backup * MiB, Buffer.alloc(4096)]]);
    expect(await grow()).toMatch(/^left .+/);
    expect(await bytesAt(part(), 1024, 1024)).toEqual(block);
  });

  it("is left as it is where no partition begins there", async () => {
    await make("-t", "ext4");
    expect(await grow(8 * MiB)).toBe("left sda has no partition at byte 8388608");
  });
});

describe("the words of the helper", () => {
  it("are followed in their order, and what came of the first is announced before the second", async () => {
    await mkdir(join(machine.folder, "state"), { recursive: true });
    const lines = `
      CONSOLES=; exec 3<> "$STATE/said"
      printf '%s\\n' 'grow 4194304' done >&3
      post() { CODE=200; echo "$(sed 's/.*&w=//; s/&.*//' "$STATE/body")"; }
      obey() { GROWTH="grown \${1#grow }"; }
      MODE=deploy; announce_until done; echo done`;
    expect(await machine.run(["identity", "announce", "grow"], `mkfifo "$STATE/said"\n${lines}`)).toBe(
      "able\ngrown%204194304\ndone",
    );
  });
});
