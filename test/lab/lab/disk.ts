import { open } from "node:fs/promises";
import { join, resolve } from "node:path";
import { execa } from "execa";
import { type Size, toBytes } from "../../../provider/kernel/units.ts";

type DiskKind = "ide" | "nvme" | "virtio" | "usb";

export interface DiskOptions {
  readonly size: Size;
  /** As the server reads it from the drive; default: the server's name and the disk's number. */
  readonly serial?: string;
  /** Default: ide, which Linux shows as sda. */
  readonly kind?: DiskKind;
  /** Path of an image, raw or qcow2, that the disk holds at first; it is not changed, and has to stay. */
  readonly content?: string;
}

/** A file that a virtual server has as a disk. */
export interface LabDisk {
  /** qcow2. */
  readonly path: string;
  readonly kind: DiskKind;
  readonly serial: string;
}

/** Make the file of a server's disk in its folder. */
export async function makeDisk(
  folder: string,
  server: string,
  index: number,
  { size, serial = `${server}-${index}`, kind = "ide", content }: DiskOptions,
): Promise<LabDisk> {
  const path = join(folder, `disk${index}.qcow2`);
  const over =
    content === undefined ? [] : ["-b", resolve(content), "-F", (await isQcow2(content)) ? "qcow2" : "raw"];
  await execa("qemu-img", ["create", "-q", "-f", "qcow2", ...over, path, String(toBytes(size))]);
  return { path, kind, serial };
}

/** QEMU's words for a disk; `bootIndex` is UEFI's order. */
export function diskWords(
  { path, kind, serial }: LabDisk,
  index: number,
  bootIndex?: number,
): readonly string[] {
  const id = `disk${index}`;
  // unsafe: the host's page cache is the disk. What the guest has flushed is there after its QEMU was killed, the rest may not be.
  const drive = ["-drive", `file=${escaped(path)},format=qcow2,if=none,id=${id},cache=unsafe,discard=unmap`];
  const order = bootIndex === undefined ? "" : `,bootindex=${bootIndex}`;
  const own = `drive=${id},serial=${escaped(serial)}${order}`;
  switch (kind) {
    case "ide":
      return [...drive, "-device", `ide-hd,${own},bus=ide.${index}`];
    case "nvme":
      return [...drive, "-device", `nvme,${own}`];
    case "virtio":
      return [...drive, "-device", `virtio-blk-pci,${own}`];
    case "usb":
      return [
        ...drive,
        "-device",
        `qemu-xhci,id=usb${index}`,
        "-device",
        `usb-storage,${own},bus=usb${index}.0,removable=on`,
      ];
  }
}

/** A comma ends a value for QEMU; two are one. */
export function escaped(value: string): string {
  return value.replaceAll(",", ",,");
}

async function isQcow2(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString("latin1") === "QFI\xfb";
  } finally {
    await file.close();
  }
}
