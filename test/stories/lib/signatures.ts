import { open, truncate, writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { execa } from "execa";

/** Disks of other people, each byte of whose labels is what the real tools write. */
const mib = 2 ** 20;
const withSbin = { env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` } };

async function patch(path: string, at: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, "r+");
  await file.write(bytes, 0, bytes.length, at);
  await file.close();
}

/** Member of an LVM volume group (lib/format_text/layout.h of LVM2). */
function lvm(): [number, Buffer] {
  const label = Buffer.alloc(512);
  label.write("LABELONE", 0);
  label.writeBigUInt64LE(1n, 8);
  label.writeUInt32LE(32, 20);
  label.write(`LVM2 001${"a".repeat(32)}`, 24);
  // Without the final inversion, and from a start of its own.
  label.writeUInt32LE(~crc32(label.subarray(20), ~0xf597a6cf >>> 0) >>> 0, 16);
  return [512, label];
}

/** Member of a Linux software RAID with metadata 1.2 (include/uapi/linux/raid/md_p.h). */
function raid(name: string): [number, Buffer] {
  const block = Buffer.alloc(512);
  block.writeUInt32LE(0xa92b4efc, 0);
  block.writeUInt32LE(1, 4);
  block.write("r".repeat(16), 16);
  block.write(name, 32);
  block.writeUInt32LE(1, 72);
  block.writeUInt32LE(2, 92);
  block.writeBigUInt64LE(8n, 144);
  let sum = 0n;
  for (let at = 0; at < 256; at += 4) sum += BigInt(block.readUInt32LE(at));
  block.writeUInt32LE(Number((sum & 0xffffffffn) + (sum >> 32n)), 216);
  return [4096, block];
}

/** Member of a ZFS pool: the ring of uberblocks in its first label (include/sys/uberblock_impl.h). */
function zfs(): [number, Buffer] {
  const ring = Buffer.alloc(16 * 1024);
  for (let n = 0; n < 16; n += 1) {
    ring.writeBigUInt64LE(0x00bab10cn, n * 1024);
    ring.writeBigUInt64LE(5000n, n * 1024 + 8);
    ring.writeBigUInt64LE(BigInt(100 + n), n * 1024 + 16);
  }
  return [128 * 1024, ring];
}

/** A raw file of 4 GiB with a GPT, and in its partitions what disks of servers hold. */
export async function usedDisk(path: string): Promise<string> {
  await writeFile(path, "");
  await truncate(path, 4096 * mib);
  const sizes = [64, 256, 256, 256, 256];
  const input = `label: gpt\n${sizes.map((size) => `size=${size}MiB`).join("\n")}\n`;
  await execa("sfdisk", ["-q", path], { ...withSbin, input });
  let at = 1;
  const starts = sizes.map((size) => {
    at += size;
    return (at - size) * mib;
  });
  const [efi = 0, old = 0, pv = 0, md = 0, pool = 0] = starts;
  await execa(
    "mkfs.vfat",
    ["-F", "16", "-n", "EFI", "--offset", `${efi / 512}`, path, `${64 * 1024}`],
    withSbin,
  );
  await execa(
    "mke2fs",
    ["-q", "-F", "-t", "ext4", "-L", "accounts 2019", "-E", `offset=${old}`, path, "256M"],
    withSbin,
  );
  for (const [start, [offset, bytes]] of [
    [pv, lvm()],
    [md, raid("storage:7")],
    [pool, zfs()],
  ] as const)
    await patch(path, start + offset, bytes);
  return path;
}

/** What blkid sees on a part of a file. */
export async function signaturesAt(path: string, offset: number, size: number): Promise<string> {
  const words = ["-p", "-o", "export", "-O", `${offset}`, "-S", `${size}`, path];
  const { stdout } = await execa("blkid", words, { ...withSbin, reject: false });
  const found = stdout.split("\n").filter((line) => /^(PTTYPE|TYPE|LABEL|PTUUID)=/.test(line));
  return found.join(" ");
}
