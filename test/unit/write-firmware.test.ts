import { describe, expect, it } from "vitest";
import { unbootable } from "../../provider/drivers/write/firmware.ts";
import { emptyGpt, layGpt, withPartition } from "../../provider/drivers/write/gpt.ts";
import { encodeMbr } from "../../provider/drivers/write/mbr.ts";
import { headOf } from "../fixtures/tables.ts";

const MiB = 2 ** 20;
const guid = "d1d1d1d1-d1d1-d1d1-d1d1-d1d1d1d1d1d1";
const [esp, linux] = ["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0fc63daf-8483-4772-8e79-3d69d8477de4"];

/** A GPT with one partition of a type behind the guard of its MBR, with code in front or without. */
function gpt(type: string, code: boolean): Buffer {
  const uuid = "01234567-89ab-cdef-0123-456789abcdef";
  const table = withPartition(emptyGpt(512, guid), { start: MiB, length: MiB, type, uuid, name: "" });
  const head = headOf(layGpt(table ?? emptyGpt(512, guid), 64 * MiB));
  head.writeUInt16LE(0xaa55, 510);
  if (code) head.writeUInt8(0xeb, 0);
  return head;
}
function mbr(type: number, code: boolean): Buffer {
  const partitions = [{ start: MiB, size: MiB, type, bootable: true }];
  const head = Buffer.concat([encodeMbr({ signature: 1, partitions })], 4096);
  if (code) head.writeUInt8(0xeb, 0);
  return head;
}
function fat(): Buffer {
  const head = Buffer.alloc(4096);
  head.set([0xeb, 0x58, 0x90]);
  head.write("FAT32   ", 82, "latin1");
  head.writeUInt16LE(0xaa55, 510);
  return head;
}
const noCode = "its first sector holds no boot code";
const noEsp = "it has no EFI system partition";

describe("a whole-disk image", () => {
  it.for([
    ["a GPT with an EFI system partition and code", gpt(esp, true), undefined, undefined],
    ["a GPT with an EFI system partition", gpt(esp, false), noCode, undefined],
    ["a GPT without one, and code", gpt(linux, true), undefined, noEsp],
    ["an MBR table with code", mbr(0x83, true), undefined, noEsp],
    ["an MBR table with an EFI system partition", mbr(0xef, false), noCode, undefined],
    ["an MBR table with FAT and code", mbr(0x0c, true), undefined, undefined],
    ["one FAT file system", fat(), undefined, undefined],
    ["nothing", Buffer.alloc(4096), "its first sector is no boot sector", "it has no partition table"],
    ["too little", Buffer.alloc(100), "its first sector is no boot sector", "it has no partition table"],
  ] as const)("with %s boots, or cannot for a reason", ([, head, bios, uefi]) => {
    expect([unbootable(head, "bios"), unbootable(head, "uefi")]).toEqual([bios, uefi]);
  });
});
