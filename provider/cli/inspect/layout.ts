import { decodeGpt, gptPartitions } from "../../drivers/write/gpt.ts";
import { rootFileSystem, tableSector } from "../../drivers/write/head.ts";
import { decodeMbr } from "../../drivers/write/mbr.ts";
import type { Range } from "../../drivers/write/ranges.ts";

/** One partition of a whole-disk image. Bytes. */
export interface Part extends Range {
  /** What it is for, by the table. */
  readonly type: string;
  /** Its name, where the table has names. */
  readonly name: string;
}

/** What the first bytes of an image say of it. */
export interface Layout {
  readonly table: "gpt" | "mbr" | undefined;
  /** Sectors that the table counts in, bytes. */
  readonly sector: number;
  readonly parts: readonly Part[];
  /** Whether the first sector holds code that a BIOS would run. */
  readonly bootCode: boolean;
}

/** The partition that UEFI boots from. */
export const efiSystem = "EFI system";

/** Partition types by their GUID: UEFI Specification, Discoverable Partitions Specification, GRUB, Microsoft. */
const guids: Readonly<Record<string, string>> = {
  "c12a7328-f81f-11d2-ba4b-00a0c93ec93b": efiSystem,
  "21686148-6449-6e6f-744e-656564454649": "BIOS boot",
  "0fc63daf-8483-4772-8e79-3d69d8477de4": "Linux",
  "4f68bce3-e8cd-4db1-96e7-fbcaf984b709": "Linux root (x86_64)",
  "b921b045-1df0-41c3-af44-4c6f280d3fae": "Linux root (aarch64)",
  "bc13c2ff-59e6-4262-a352-b275fd6f7172": "Linux /boot",
  "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f": "Linux swap",
  "e6d6d379-f507-44c2-a23c-238f2a3df928": "Linux LVM",
  "a19d880f-05fc-4d3b-a006-743f0f84911e": "Linux RAID",
  "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7": "basic data",
  "e3c9e316-0b5c-4db8-817d-f92df00215ae": "Microsoft reserved",
  "9e1a2d38-c612-4316-aa26-8b49521e5a8b": "PReP boot",
};
const bytes: Readonly<Record<number, string>> = {
  5: "extended",
  7: "NTFS",
  12: "FAT",
  15: "extended",
  130: "Linux swap",
  131: "Linux",
  142: "Linux LVM",
  239: efiSystem,
  253: "Linux RAID",
};

/** Read the table in the first bytes of an image; a partition image has none. */
export function layoutOf(head: Buffer): Layout {
  const sector = tableSector(head) ?? 512;
  const bootCode = head.subarray(0, 440).some((byte) => byte !== 0);
  const gpt = decodeGpt(head, sector);
  if (gpt !== undefined) {
    const parts = gptPartitions(gpt).map(({ start, length, type, name }) => ({
      ...{ start, length, name, type: guids[type] ?? type },
    }));
    return { table: "gpt", sector, parts, bootCode };
  }
  // The boot sector of a FAT or an NTFS file system ends as a table does, and says nothing in its place.
  const mbr = rootFileSystem(head) ? undefined : decodeMbr(head, sector);
  const parts = (mbr?.partitions ?? []).map(({ start, size, type }) => ({
    ...{ start, length: size, name: "", type: bytes[type] ?? `type 0x${type.toString(16)}` },
  }));
  return { table: parts.length > 0 ? "mbr" : undefined, sector, parts, bootCode };
}

/** The label of the file system that begins with these bytes; empty where it has none. */
export function labelIn(head: Buffer): string {
  const text = (at: number, length: number) =>
    head
      .toString("utf8", at, at + length)
      .replace(/\0.*$/s, "")
      .trim();
  switch (rootFileSystem(head)?.type) {
    case "ext":
      return text(1024 + 0x78, 16);
    case "xfs":
      return text(108, 12);
    case "btrfs":
      return text(65_536 + 0x12b, 256);
    default:
      return "";
  }
}
