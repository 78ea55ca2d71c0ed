import { z } from "zod";
import { architectures } from "../kernel/arch.ts";
import { always } from "../kernel/rules.ts";
import { checksum, drift, isPlainHttp, location, name } from "./fields.ts";
import { defineResource } from "./resource.ts";

const BootFile = z
  .strictObject({
    source: location.meta({ description: "As an Image's `source`; never unpacked." }),
    checksum: checksum.optional().meta({ description: "Its checksum; required for http." }),
  })
  .refine((given) => !isPlainHttp(given.source) || given.checksum !== undefined, {
    path: ["checksum"],
    error: "Plain http can be altered on the way: give the checksum of the file",
    ...always,
  })
  .meta({ id: "BootFile", description: "A file that a partition image boots with." });

export const Image = defineResource({
  kind: "Image",
  collection: "images",
  inputs: z
    .strictObject({
      name,
      source: location.meta({
        description:
          "A file of the host where the program runs (relative: to its folder), which is uploaded where the site's helper is on another one; `site:/PATH` of the helper's own host; or an http(s) address. May be packed with gzip, xz or zstd.",
        change: "reinstall",
      }),
      checksum: checksum.optional().meta({
        description: "`sha256:…` or `sha512:…` of the file as it is fetched; required for plain http.",
        change: "reinstall",
      }),
      format: z.enum(["raw", "qcow2"]).optional().meta({
        description: "What it is; it is looked at in any case, and must agree.",
        change: "in-place",
      }),
      arch: z.enum(architectures).default("x86_64").meta({
        description: "Processor architecture that it is made for; it is written to no other server.",
        change: "in-place",
      }),
      kernel: BootFile.optional().meta({
        description: "The kernel a partition image boots with (Nova's aki).",
        change: "reinstall",
      }),
      ramdisk: BootFile.optional().meta({
        description: "The ramdisk a partition image boots with (Nova's ari).",
        change: "reinstall",
      }),
      kernelArgs: z
        .array(z.string().regex(/^[\x21-\x7e]+$/, "Expected one word without spaces"))
        .default([])
        .meta({ description: "More words for the system's kernel (partition images).", change: "in-place" }),
      digest: z.string().optional().meta({
        description: "Digest of all its files; instances compare it.",
        change: "none",
        computed: true,
      }),
      drift,
    })
    .refine((given) => (given.kernel === undefined) === (given.ramdisk === undefined), {
      path: ["ramdisk"],
      error: "A partition image needs both kernel and ramdisk; a whole-disk image needs neither",
      ...always,
    })
    .refine((given) => !isPlainHttp(given.source) || given.checksum !== undefined, {
      path: ["checksum"],
      error: "Plain http can be altered on the way: give the checksum of the file",
      ...always,
    })
    .meta({
      id: "Image",
      description: "A whole-disk image, or a partition image with its kernel and ramdisk.",
    }),
  outputs: z.object({
    kind: z.enum(["whole-disk", "partition"]).meta({ description: "Whole-disk, or one file system." }),
    siteId: z.string().meta({ description: "The site whose records hold it." }),
  }),
});
