import { open, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ShellMachine, shellMachine } from "../fixtures/ramdisk-shell.ts";

// The ramdisk's erasing parts on plain files: what they write and read is the same on a disk.

const MiB = 2 ** 20;
const size = 40 * MiB;
let machine: ShellMachine;
const boot = async (commandLine: string) => {
  await machine?.remove();
  machine = await shellMachine(commandLine);
};
beforeEach(() => boot(""));
afterEach(() => machine.remove());

interface Kind {
  readonly serial?: string;
  readonly place?: string;
  readonly files?: Readonly<Record<string, string>>;
  /** Partitions by number: first MiB, and how many. */
  readonly parts?: Readonly<Record<number, readonly [number, number]>>;
}

/** A disk `name` whose content is a file full of 0xa5. */
async function disk(name: string, { serial = `SN-${name}`, place, files, parts = {} }: Kind = {}) {
  const host = name.charCodeAt(2);
  const where = place ?? `pci0000:00/0000:00:1f.2/ata${host}/host${host}/target${host}:0:0/${host}:0:0:0`;
  const page = Buffer.from(`\0\x80\0\x0e${serial.padStart(14)}`, "latin1");
  const basics = { "device/type": "0", "device/vpd_pg80": page, size: String(size / 512) };
  const partitions = Object.entries(parts).flatMap(([number, [start, count]]) => [
    [`${name}${number}/partition`, number] as const,
    [`${name}${number}/start`, String((start * MiB) / 512)] as const,
    [`${name}${number}/size`, String((count * MiB) / 512)] as const,
  ]);
  await machine.disk(name, where, { ...basics, ...Object.fromEntries(partitions), ...files });
  const path = join(machine.folder, "dev", name);
  await writeFile(path, Buffer.alloc(size, 0xa5));
  for (const [number, [, count]] of Object.entries(parts)) {
    await writeFile(`${path}${number}`, "");
    await truncate(`${path}${number}`, count * MiB);
  }
  return path;
}

/** Which MiB of a file hold anything but zeros. */
async function used(path: string): Promise<readonly number[]> {
  const content = await readFile(path);
  const pieces = Array.from({ length: size / MiB }, (_, n) => n);
  return pieces.filter((n) => content.subarray(n * MiB, (n + 1) * MiB).some((byte) => byte !== 0));
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);
const parts = ["disks", "wipe", "mode-clean"];
// Plain files have no device's ioctls, and are smaller than any disk that qualifies.
const files = "least=1; blockdev() { :; }; say() { :; };";

/** List the disks, erase what the command line names, and tell what the helper would hear. */
async function clean(more = "") {
  const told = `if [ -s "$STATE/cleaned" ]; then cat "$STATE/cleaned"; else cat "$STATE/why"; fi`;
  const lines = `${files} argument clean; METHOD=$REPLY; ${more} list_disks; wipe_all; ${told}`;
  return machine.run(parts, lines);
}

describe("cleaning", () => {
  it("by metadata erases the ends of each partition and of the disk, and nothing else", async () => {
    await boot("clean=metadata clean_disks=SN-sda");
    const path = await disk("sda", { parts: { 1: [6, 3], 2: [12, 16] } });
    expect(await clean()).toBe(`disk=SN-sda\tname=sda\tsize=${size}\tmethod=metadata`);
    expect(await used(path)).toEqual([...range(4, 6), ...range(9, 12), ...range(16, 24), ...range(28, 36)]);
  });

  it("in full leaves no byte, and tells how far it is", async () => {
    await boot("clean=full clean_disks=SN-sda");
    const path = await disk("sda");
    expect(await clean()).toContain("method=full");
    expect(await used(path)).toEqual([]);
    expect(await machine.run([], 'cat "$STATE/progress"')).toBe(`${size} ${size} SN-sda`);
  });

  it("by discard tells the drive so for all of it, and erases what shows what was there", async () => {
    await boot("clean=discard clean_disks=SN-sda");
    const path = await disk("sda", { files: { "queue/discard_max_bytes": "4096" } });
    expect(await clean('blkdiscard() { echo "$@" >> "$STATE/discards"; };')).toContain("method=discard");
    expect(await machine.run([], 'cat "$STATE/discards"')).toBe(`-o 0 -l ${size} ${path}`);
    expect(await used(path)).toEqual(range(4, 36));
  });

  it("erases the disks that are named, and no other", async () => {
    await boot("clean=metadata clean_disks=SN-sda;SN%20c%27s");
    const [first, other, second] = [
      await disk("sda"),
      await disk("sdb"),
      await disk("sdc", { serial: "SN c's" }),
    ];
    expect((await clean()).split("\n")).toHaveLength(2);
    expect((await used(first)).length).toBe(32);
    expect((await used(second)).length).toBe(32);
    expect((await used(other)).length).toBe(40);
  });

  it.for([
    { what: "is not there", kind: {}, wanted: "SN-sdx", why: "no disk calls itself SN-sdx" },
    {
      what: "has a twin",
      kind: { serial: "SN-sdb" },
      wanted: "SN-sdb",
      why: "2 disks call themselves SN-sdb",
    },
    {
      what: "is a LUN of somebody's storage",
      kind: { place: "platform/host8/session1/target8:0:0/8:0:0:1" },
      wanted: "SN-sda",
      why: "disk SN-sda is never erased: remote",
    },
    {
      what: "is read-only",
      kind: { files: { ro: "1" } },
      wanted: "SN-sda",
      why: "disk SN-sda is never erased: read-only",
    },
    {
      what: "takes no discards",
      kind: {},
      method: "discard",
      wanted: "SN-sda",
      why: "sda takes no discards",
    },
  ])("erases nothing where a disk $what", async ({ kind, wanted, why, method = "metadata" }) => {
    await boot(`clean=${method} clean_disks=${wanted}`);
    const [path, other] = [await disk("sda", kind), await disk("sdb")];
    expect(await clean()).toBe(why);
    expect([(await used(path)).length, (await used(other)).length]).toEqual([40, 40]);
  });

  it.for([
    { holds: "VMFS_volume_member", at: MiB, bytes: "0dd001c0" },
    { holds: "gfs2", at: 65536, bytes: "011619700000000100000000000000000000006400000000000007090000076c" },
    { holds: "ocfs2", at: 4096, bytes: Buffer.from("OCFSV2").toString("hex") },
    { holds: "gpfs", at: 1024, bytes: "90fcaf377def964e91c32d7ae055b174" },
    { holds: "gpfs", at: size - 1024 * 16, bytes: "90fcaf377def964e91c32d7ae055b174" },
    { holds: "vmfs", at: 1024 + 128, bytes: "2ae031aa0f40db119590000c2911d1b8" },
  ])("erases nothing, not even another disk, where one holds $holds at $at", async ({ holds, at, bytes }) => {
    await boot("clean=full clean_disks=SN-sdb;SN-sda");
    const [path, other] = [await disk("sda"), await disk("sdb")];
    // With a file system beside it of which blkid alone would say that it cannot tell the two apart.
    if (at !== 4096) await execa("mke2fs", ["-q", "-F", "-t", "ext4", path, "4M"]);
    const file = await open(path, "r+");
    await file.write(Buffer.from(bytes, "hex"), 0, bytes.length / 2, at);
    await file.close();
    const before = await readFile(path);
    expect(await clean()).toBe(
      `disk SN-sda is never erased: it holds ${holds}, which other servers may be using`,
    );
    expect((await readFile(path)).equals(before)).toBe(true);
    expect((await used(other)).length).toBe(40);
  });

  it("is not done while a signature is still read, or a byte that should be zero is not", async () => {
    await boot("clean=full clean_disks=SN-sda");
    const path = await disk("sda");
    const deaf = 'wipe_full() { size_of "$1"; size=$REPLY; zero_ends "$1" 0 "$size"; };';
    expect(await clean(deaf)).toMatch(/^sda does not read zeros at byte \d+$/);
    await execa("mke2fs", ["-q", "-F", "-t", "ext4", path, "4M"]);
    expect(await clean('wipe_full() { :; }; rm -f "$STATE/cleaned";')).toBe("sda still holds ext4");
  });
});
