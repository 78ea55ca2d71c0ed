import { z } from "zod";

/** One disk of a Node, as its last ramdisk told. */
export const DiskState = z
  .object({
    name: z.string().meta({ description: "The kernel's name in that boot; another one in the next." }),
    size: z.number().meta({ description: "Bytes." }),
    model: z.string().meta({ description: "Model." }),
    vendor: z.string().meta({ description: "Vendor; empty for NVMe." }),
    serial: z.string().meta({ description: "Serial number." }),
    wwn: z.string().meta({ description: "World Wide Name, with the vendor's extension where it has one." }),
    byId: z.string().meta({ description: "Name under /dev/disk/by-id." }),
    byPath: z.string().meta({ description: "Name under /dev/disk/by-path." }),
    hctl: z.string().meta({ description: "SCSI address; empty for other disks." }),
    rotational: z.boolean().meta({ description: "true: a spinning disk." }),
    unfit: z.string().meta({
      description: 'Why it never qualifies: "usb", "remote", "too small", "second path"; empty if it does.',
    }),
    holds: z.string().meta({ description: 'What was on it: "gpt; ext4 "root" on sda1"; empty = blank.' }),
  })
  .meta({ id: "DiskState", description: "A disk of a server." });
export type DiskState = z.output<typeof DiskState>;
