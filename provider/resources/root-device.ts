import { z } from "zod";
import { type Hints, hintFault } from "./hints.ts";

const hint = (key: Exclude<keyof Hints, "rotational">, description: string) =>
  z
    .string()
    .superRefine((text, ctx) => {
      const fault = hintFault(key, text);
      if (fault !== undefined) ctx.addIssue({ code: "custom", message: fault });
    })
    .optional()
    .meta({ description });

interface Hinted {
  readonly rootDeviceHints?: Hints | undefined;
}

/** The hints that count: an instance's stand in the place of its node's. */
export const hintsFor = (instance: Hinted, node: Hinted): Hints =>
  instance.rootDeviceHints ?? node.rootDeviceHints ?? {};

/** Which disk is the system's. Ironic's vocabulary and operators; every hint that is given must be met. */
export const RootDeviceHints = z
  .strictObject({
    serial: hint("serial", 'Serial number, as in `"S64FNE0R"` or `"<or> ZC1 <or> ZC2"`.'),
    wwn: hint(
      "wwn",
      'World Wide Name, as in `"0x5000c500a1b2c3d4"` or `"eui.0025385171b0c3d4"`; of a RAID volume also its first 16 digits.',
    ),
    wwnWithExtension: hint(
      "wwnWithExtension",
      "World Wide Name with the vendor's extension: all 32 digits of a RAID volume.",
    ),
    wwnVendorExtension: hint("wwnVendorExtension", "The vendor's extension: the last 16 of these 32 digits."),
    model: hint("model", 'Model, as in `"<in> SAMSUNG"`.'),
    vendor: hint("vendor", "Vendor; `ATA` for SATA disks, unknown for NVMe."),
    size: hint(
      "size",
      'Size in whole GiB or with a unit: `"447"`, `">= 400"`, `"480 GB"`, `"<or> 480 GB <or> 960 GB"`, `"<range-in> [ 400 500 ]"`.',
    ),
    rotational: z.boolean().optional().meta({ description: "true: a spinning disk, false: flash." }),
    hctl: hint("hctl", 'SCSI address, as in `"0:0:0:0"`; its first number may change between boots.'),
    byPath: hint("byPath", "Name under /dev/disk/by-path: the slot, whatever disk is in it."),
    name: hint(
      "name",
      'A name under /dev: `"/dev/disk/by-id/…"`, `"/dev/disk/by-path/…"`, or the kernel\'s, `"/dev/nvme0n1"`, which may change between boots.',
    ),
  })
  .meta({ id: "RootDeviceHints", description: "Which disk is the system's; all hints given must be met." });
