import { mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ShellMachine, shellMachine } from "../fixtures/ramdisk-shell.ts";

// The firmware's variables as files, and a disk that is one: what is read and written is the same on a server.

const global = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
const MiB = 2 ** 20;
let machine: ShellMachine;
beforeEach(async () => {
  machine = await shellMachine();
  await machine.lay({
    ...{ "sys/block/sda/inflight": "0 0\n", "sys/block/sda/queue/logical_block_size": "512\n" },
    ...{ "sys/block/sda/sda2/start": "8192\n", "sys/block/sda/sda1/start": "2048\n" },
  });
});
afterEach(() => machine.remove());

const variable = (name: string) => join("sys/firmware/efi/efivars", `${name}-${global}`);
const attributes = Buffer.from("07000000", "hex");
const lay = async (variables: Readonly<Record<string, Buffer>>) => {
  const files = Object.entries(variables).map(
    ([name, value]) => [variable(name), Buffer.concat([attributes, value])] as const,
  );
  await machine.lay(Object.fromEntries(files));
};
const read = async (name: string) => (await readFile(join(machine.folder, variable(name)))).subarray(4);
const ucs2 = (text: string) => Buffer.from(`${text}\0`, "utf16le");
const order = (...numbers: readonly number[]) => Buffer.from(Uint16Array.from(numbers).buffer);
const orderNow = async () => {
  const bytes = await read("BootOrder");
  return Array.from({ length: bytes.length / 2 }, (_, n) => bytes.readUInt16LE(2 * n));
};
/** The boot entries that there are, by number. */
const entriesNow = async () =>
  (await readdir(join(machine.folder, "sys/firmware/efi/efivars")))
    .flatMap((name) => /^Boot([0-9A-F]{4})-/.exec(name)?.[1] ?? [])
    .sort();

/** An entry as UEFI lays it: attributes, length of its path, name, path (UEFI specification 2.10, section 3.1.3). */
function entry(name: string, path: Buffer): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt32LE(1, 0);
  head.writeUInt16LE(path.length, 4);
  return Buffer.concat([head, ucs2(name), path]);
}

interface Partition {
  readonly number: number;
  readonly start: number;
  readonly size: number;
  readonly signature: string;
  readonly format: 1 | 2;
}

/** A hard drive node, a file node and the end (section 10.3). */
function pathTo({ number, start, size, signature, format }: Partition, file: string): Buffer {
  const drive = Buffer.alloc(42);
  drive.set([4, 1, 42, 0]);
  drive.writeUInt32LE(number, 4);
  drive.writeBigUInt64LE(BigInt(start), 8);
  drive.writeBigUInt64LE(BigInt(size), 16);
  drive.write(signature, 24, "hex");
  drive.set([format, format], 40);
  const name = ucs2(file);
  const node = Buffer.from([4, 4, (name.length + 4) & 255, (name.length + 4) >> 8]);
  return Buffer.concat([drive, node, name, Buffer.from("7fff0400", "hex")]);
}

const other = entry("debian", Buffer.from("7fff0400", "hex"));
const disk = () => join(machine.folder, "dev/sda");

/** A disk whose second partition is the EFI system's. */
async function makeGpt(): Promise<Partition> {
  await writeFile(disk(), "");
  await truncate(disk(), 64 * MiB);
  const system = ["-n", "2:8192:+16M", "-t", "2:ef00", "-u", "2:01234567-89ab-cdef-0123-456789abcdef"];
  await execa("sgdisk", ["-o", "-n", "1:2048:+1M", ...system, disk()], {
    env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
  });
  const signature = "67452301ab89efcd0123456789abcdef";
  return { number: 2, start: 8192, size: 32768, signature, format: 2 };
}

async function makeMbr(): Promise<Partition> {
  const sector = Buffer.alloc(1024);
  sector.write("78563412", 440, "hex");
  sector.set([0, 0, 0, 0, 0xef], 446 + 16);
  sector.writeUInt32LE(8192, 446 + 16 + 8);
  sector.writeUInt32LE(4096, 446 + 16 + 12);
  sector.write("55aa", 510, "hex");
  await writeFile(disk(), sector);
  const signature = "7856341200000000000000000000000000000000".slice(0, 32);
  return { number: 2, start: 8192, size: 4096, signature, format: 1 };
}

const loaders = (...paths: readonly string[]) =>
  machine.lay(Object.fromEntries(paths.map((path) => [join("esp", path), ""])));

/** Do as at the helper's word; what is told of it. */
const set = (more = "") => {
  const stubs = `read_table() { :; }; mount() { :; }; umount() { :; }; uname() { echo x86_64; }; MOUNT=${machine.folder}/esp;`;
  return machine.run(
    ["disks", "target", "grow", "variables", "boot-entry"],
    `FIRMWARE=uefi BOOT_ENTRY=able CONSOLES= CHOSEN=sda; ${stubs} ${more} set_boot_entry; printf %s "$BOOT_ENTRY"`,
  );
};

describe("the firmware's boot entry of a written system", () => {
  it.for([
    { table: "GPT", make: makeGpt },
    { table: "MBR", make: makeMbr },
  ])("names the loader on its EFI system partition, and comes first: $table", async ({ make }) => {
    const partition = await make();
    await loaders("EFI/debian/shimx64.efi", "EFI/debian/grubx64.efi", "EFI/BOOT/BOOTX64.EFI");
    await lay({ BootOrder: order(0, 0x1a), Boot0000: other, Boot001A: other });
    expect(await set()).toBe("set Boot0001 \\EFI\\debian\\shimx64.efi");
    const wanted = entry("pulumi-baremetal", pathTo(partition, "\\EFI\\debian\\shimx64.efi"));
    expect((await read("Boot0001")).toString("hex")).toBe(wanted.toString("hex"));
    expect(await orderNow()).toEqual([1, 0, 0x1a]);
  });

  it.for([
    { holds: ["EFI/BOOT/BOOTX64.EFI"], starts: "\\EFI\\BOOT\\BOOTX64.EFI" },
    { holds: ["EFI/boot/bootx64.efi"], starts: "\\EFI\\boot\\bootx64.efi" },
    { holds: ["EFI/fedora/grubx64.efi"], starts: "\\EFI\\fedora\\grubx64.efi" },
    {
      holds: ["EFI/Microsoft/Boot/bootmgfw.efi", "EFI/BOOT/BOOTX64.EFI"],
      starts: "\\EFI\\Microsoft\\Boot\\bootmgfw.efi",
    },
    // GRUB's configuration alone is no loader.
    { holds: ["EFI/debian/grub.cfg", "EFI/BOOT/BOOTX64.EFI"], starts: "\\EFI\\BOOT\\BOOTX64.EFI" },
    // Which of two systems is meant only the image can say.
    {
      holds: ["EFI/debian/shimx64.efi", "EFI/ubuntu/shimx64.efi", "EFI/BOOT/BOOTX64.EFI"],
      starts: "\\EFI\\BOOT\\BOOTX64.EFI",
    },
    {
      holds: ["EFI/debian/shimx64.efi", "EFI/ubuntu/shimx64.efi"],
      starts: "\\EFI\\debian\\shimx64.efi",
    },
  ])("starts $starts where there is $holds", async ({ holds, starts }) => {
    await makeGpt();
    await loaders(...holds);
    await lay({ BootOrder: order(0), Boot0000: other });
    expect(await set()).toBe(`set Boot0001 ${starts}`);
  });

  it("takes the place of earlier ones of ours, and leaves those of others", async () => {
    const partition = await makeGpt();
    await loaders("EFI/BOOT/BOOTX64.EFI");
    const ours = entry("pulumi-baremetal", pathTo(partition, "\\EFI\\gone\\shimx64.efi"));
    const like = entry("pulumi-baremetal-2", Buffer.from("7fff0400", "hex"));
    await lay({
      BootOrder: order(0, 2, 1, 3),
      Boot0000: other,
      Boot0001: ours,
      Boot0002: ours,
      Boot0003: like,
    });
    expect(await set()).toBe("set Boot0001 \\EFI\\BOOT\\BOOTX64.EFI");
    expect(await orderNow()).toEqual([1, 0, 3]);
    expect(await entriesNow()).toEqual(["0000", "0001", "0003"]);
    expect(await read("Boot0000")).toEqual(other);
    // Once more: flash wears out, so what is so already is not written.
    expect(await set('write_variable() { WHY="written: $1"; return 1; };')).toBe(
      "set Boot0001 \\EFI\\BOOT\\BOOTX64.EFI",
    );
  });

  it("comes into an order that the firmware does not have yet", async () => {
    await makeGpt();
    await loaders("EFI/BOOT/BOOTX64.EFI");
    await lay({ Timeout: Buffer.from("0500", "hex") });
    expect(await set()).toBe("set Boot0000 \\EFI\\BOOT\\BOOTX64.EFI");
    expect(await orderNow()).toEqual([0]);
  });

  it.for([
    ["the disk has no EFI system partition", "sda has no EFI system partition"],
    ["it holds no loader", "the EFI system partition of sda holds no loader"],
  ] as const)("goes, and is none, where %s", async ([what, why]) => {
    const partition = await makeGpt();
    if (what.startsWith("the disk")) await writeFile(disk(), Buffer.alloc(MiB));
    await lay({
      ...{ BootOrder: order(1, 0), Boot0000: other },
      Boot0001: entry("pulumi-baremetal", pathTo(partition, "\\EFI\\BOOT\\BOOTX64.EFI")),
    });
    expect(await set()).toBe(`none ${why}`);
    expect([await orderNow(), await entriesNow()]).toEqual([[0], ["0000"]]);
  });

  it.for([
    ["does not show its variables", "", "the kernel does not show the variables of the firmware"],
    ["takes no new one", "Boot0001", "the firmware did not take its variable Boot0001"],
    ["keeps its order", "BootOrder", "the firmware did not take its variable BootOrder"],
  ] as const)("is none, with the reason, where the firmware %s", async ([, refused, why]) => {
    await makeGpt();
    await loaders("EFI/BOOT/BOOTX64.EFI");
    if (refused !== "") await lay({ BootOrder: order(0), Boot0000: other });
    // A folder takes no bytes: dd itself fails.
    const blocked = join(machine.folder, variable(refused));
    if (refused === "Boot0001") await mkdir(blocked);
    if (refused === "BootOrder") {
      await rm(blocked);
      await mkdir(blocked);
    }
    const first = refused === "Boot0001" ? "place_entry() { write_variable Boot0001 00; };" : "";
    expect(await set(first)).toBe(`none ${why}`);
  });

  it("goes when the disk is cleaned, and nothing is touched where there is none of ours", async () => {
    const ours = entry("pulumi-baremetal", Buffer.from("7fff0400", "hex"));
    const forget = () => machine.run(["variables"], "open_variables && forget_entries; echo $?");
    await lay({ BootOrder: order(5, 0), Boot0000: other, Boot0005: ours });
    expect(await forget()).toBe("0");
    expect([await orderNow(), await entriesNow()]).toEqual([[0], ["0000"]]);
    expect(await machine.run(["variables"], "write_variable() { return 1; }; forget_entries; echo $?")).toBe(
      "0",
    );
  });
});
