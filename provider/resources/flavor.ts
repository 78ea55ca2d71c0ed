import { z } from "zod";
import { architectures } from "../kernel/arch.ts";
import { always } from "../kernel/rules.ts";
import { type Size, sizePattern, toBytes } from "../kernel/units.ts";
import { capabilities, checksum, location, name, size } from "./fields.ts";
import { defineResource } from "./resource.ts";

const DeployRamdisk = z
  .strictObject({
    kernel: location.meta({ description: "Kernel: a file or an address, as an Image's `source`." }),
    kernelChecksum: checksum.optional().meta({ description: "Its checksum; required for http." }),
    ramdisk: location.meta({ description: "Initial ramdisk: a file or an address, as an Image's `source`." }),
    ramdiskChecksum: checksum.optional().meta({ description: "Its checksum; required for http." }),
    arch: z
      .enum(architectures)
      .default("x86_64")
      .meta({ description: "Processor architecture that it is made for." }),
    protocol: z.enum(["baremetal", "nova"]).default("baremetal").meta({
      description: "`nova` for a classic diskimage-builder ramdisk: it tells neither identity nor disks.",
    }),
    acceptFirstDisk: z.boolean().default(false).meta({
      description: "Required with `nova`: that ramdisk takes the first disk it finds.",
    }),
  })
  .refine((given) => given.protocol !== "nova" || given.acceptFirstDisk, {
    path: ["acceptFirstDisk"],
    error:
      "A classic ramdisk takes the first disk it finds and tells nobody: say so with acceptFirstDisk: true",
    ...always,
  })
  .meta({ id: "DeployRamdisk", description: "A deploy ramdisk of your own." });

const smallestEfi = 64 * 2 ** 20;
const isSize = (value: unknown): value is Size => typeof value === "string" && sizePattern.test(value);

export const Flavor = defineResource({
  kind: "Flavor",
  collection: "flavors",
  inputs: z
    .strictObject({
      name,
      cpus: z.int().min(1).meta({ description: "At least so many processor cores.", change: "in-place" }),
      memory: size.meta({ description: "At least so much memory.", change: "in-place" }),
      rootDisk: size.meta({ description: "Size of the root partition.", change: "reinstall" }),
      swap: size
        .optional()
        .meta({ description: "Size of the swap partition. Default: none.", change: "reinstall" }),
      ephemeral: size
        .optional()
        .meta({ description: "Size of the ephemeral partition. Default: none.", change: "reinstall" }),
      diskLabel: z.enum(["msdos", "gpt"]).optional().meta({
        description:
          "Partition table of a partition image's disk: `msdos` (four partitions, 2 TiB) or `gpt`. Default: msdos, as Nova cut it.",
        change: "reinstall",
      }),
      efiSystemPartition: size.optional().meta({
        description:
          "Size of an EFI system partition, empty FAT32, before all others: for a system that brings its own boot loader there. Default: none.",
        change: "reinstall",
      }),
      capabilities: capabilities.default({}).meta({
        description:
          'What a node must offer, with Nova\'s operators: `{ rack: "<in> r1" }`. Scope `capabilities:` or none takes part.',
        change: "in-place",
      }),
      deployRamdisk: DeployRamdisk.optional().meta({
        description: "Default: our own, built on first use.",
        change: "in-place",
      }),
      digest: z.string().optional().meta({
        description: "Digest of the disk's layout; instances compare it.",
        change: "none",
        computed: true,
      }),
    })
    .refine((given) => given.efiSystemPartition === undefined || given.diskLabel === "gpt", {
      path: ["efiSystemPartition"],
      error: 'An EFI system partition needs diskLabel: "gpt"',
      ...always,
    })
    .refine(({ efiSystemPartition: size }) => !isSize(size) || toBytes(size) >= smallestEfi, {
      path: ["efiSystemPartition"],
      error: "Expected at least 64 MiB, below which there is no FAT32",
      ...always,
    })
    .meta({ id: "Flavor", description: "What a server must be, and how its disk is cut." }),
  outputs: z.object({
    siteId: z.string().meta({ description: "The site whose records hold it." }),
  }),
});
