import { decodeGpt, gptPartitions } from "./gpt.ts";
import { tableSector } from "./head.ts";
import { decodeMbr } from "./mbr.ts";

/** What a server starts by. */
export type Firmware = "bios" | "uefi";

/** EFI system, and "basic data", as which some tools make it: firmware looks for FAT, whatever the table calls it. */
const fatGuids = ["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"];
const fatTypes = [0xef, 0x01, 0x04, 0x06, 0x0b, 0x0c, 0x0e];

/**
 * Why a firmware will not start a disk that holds this whole-disk image, by its first bytes; undefined where it may. Said only
 * of what is certain: that it does start can be seen by trying alone.
 */
export function unbootable(head: Buffer, firmware: Firmware): string | undefined {
  return firmware === "bios" ? notByBios(head) : notByUefi(head);
}

function notByBios(head: Buffer): string | undefined {
  if (head.length < 512 || head.readUInt16LE(510) !== 0xaa55) return "its first sector is no boot sector";
  const code = head.subarray(0, 440).some((byte) => byte !== 0);
  return code ? undefined : "its first sector holds no boot code";
}

function notByUefi(head: Buffer): string | undefined {
  const sector = tableSector(head);
  if (sector === undefined) return "it has no partition table";
  // A disk may be one FAT file system, whose boot sector begins with a jump.
  if ([0xeb, 0xe9].includes(head.readUInt8(0)) && /FAT(12|16|32) /.test(head.toString("latin1", 0, 96))) {
    return undefined;
  }
  const gpt = decodeGpt(head, sector);
  const found = gpt
    ? gptPartitions(gpt).some(({ type }) => fatGuids.includes(type))
    : decodeMbr(head, sector)?.partitions.some(({ type }) => fatTypes.includes(type));
  return found ? undefined : "it has no EFI system partition";
}
