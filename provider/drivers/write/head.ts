import { readUuid } from "./uuid.ts";

/** How much of an image's start tells what it is: btrfs keeps its superblock at 64 KiB. */
export const headSize = 128 * 1024;

/** A file system that a kernel can be told to take as its root. */
export interface RootFileSystem {
  readonly type: "ext" | "xfs" | "btrfs";
  readonly uuid: string;
  /** The smallest unit it reads and writes, bytes; a disk with larger sectors cannot hold it. */
  readonly block: number;
  /** Bytes that it fills. */
  readonly size: number;
}

const noUuid = "00000000-0000-0000-0000-000000000000";
const holds = (head: Buffer, at: number, text: string) =>
  head.toString("latin1", at, at + text.length) === text;

/** The file system that a partition image starts with; undefined if it is none of ours, or has no UUID. */
export function rootFileSystem(head: Buffer): RootFileSystem | undefined {
  const found = findFileSystem(head);
  return found === undefined || found.uuid === noUuid ? undefined : found;
}

// Offsets: ext4 "Super Block" in the kernel's documentation; xfs_dsb in xfs_format.h; btrfs_super_block in btrfs_tree.h.
function findFileSystem(head: Buffer): RootFileSystem | undefined {
  if (head.length >= 2048 && head.readUInt16LE(1024 + 0x38) === 0xef53) {
    const block = 1024 * 2 ** head.readUInt32LE(1024 + 0x18);
    const wide = (head.readUInt32LE(1024 + 0x60) & 0x80) !== 0;
    const blocks = head.readUInt32LE(1024 + 0x4) + (wide ? head.readUInt32LE(1024 + 0x150) * 2 ** 32 : 0);
    return { type: "ext", uuid: readUuid(head, 1024 + 0x68), block, size: blocks * block };
  }
  if (head.length >= 512 && holds(head, 0, "XFSB")) {
    const size = Number(head.readBigUInt64BE(8)) * head.readUInt32BE(4);
    return { type: "xfs", uuid: readUuid(head, 32), block: head.readUInt16BE(102), size };
  }
  const btrfs = 65_536;
  if (head.length >= btrfs + 4096 && holds(head, btrfs + 0x40, "_BHRfS_M")) {
    const size = Number(head.readBigUInt64LE(btrfs + 0x70));
    return {
      ...{ type: "btrfs", uuid: readUuid(head, btrfs + 0x20), size },
      block: head.readUInt32LE(btrfs + 0x90),
    };
  }
  return undefined;
}

/** The sector size that a whole-disk image's partition table counts in; undefined when it has no table. */
export function tableSector(head: Buffer): number | undefined {
  // UEFI keeps the GPT header in the second sector, whatever the sector's size.
  for (const sector of [512, 4096]) {
    if (head.length >= sector + 512 && holds(head, sector, "EFI PART")) return sector;
  }
  return head.length >= 512 && head.readUInt16LE(510) === 0xaa55 ? 512 : undefined;
}
