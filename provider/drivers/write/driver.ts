import type { Context } from "../../kernel/context.ts";
import type { InjectedFile } from "../../services/injection/files.ts";
import type { Firmware } from "./firmware.ts";

/** The disk that a ramdisk exports, as its call-back told. */
export interface WriteTarget {
  readonly address: string;
  readonly port: number;
  readonly iqn: string;
  readonly lun: number;
}

/** The image as it lies in the cache: always `raw` or `qcow2`, decompressed, verified. */
export interface SourceImage {
  readonly path: string;
  readonly format: "raw" | "qcow2";
  readonly kind: "whole-disk" | "partition";
  /** Bytes the image fills on a disk. */
  readonly virtualSize: number;
}

/** How a partition image's disk is cut, Nova's order: [ephemeral,] swap, root are separate partitions. Bytes. */
export interface DiskLayout {
  /** The kind of partition table, in Ironic's words (its capability `disk_label`). Default: msdos. */
  readonly label?: "msdos" | "gpt";
  /** An EFI system partition before all others, only with a GPT. Default: none. */
  readonly efi?: number;
  readonly root: number;
  readonly swap: number;
  readonly ephemeral: number;
}

export interface WriteJob {
  readonly target: WriteTarget;
  readonly image: SourceImage;
  /** Only for partition images. */
  readonly layout?: DiskLayout;
  /**
   * A small file system that goes beside the image, as the disk's last partition; whole MiB. It may hold secrets: it is
   * written to a folder of its own, which is gone afterwards.
   */
  readonly volume?: Buffer;
  /** Files for a partition image's root, where it is ext2, ext3 or ext4: laid into a copy, which is written instead. */
  readonly files?: readonly InjectedFile[];
  /** Bytes from the start of the disk that the ramdisk proved to be zero; 0 = nothing proven. */
  readonly provenZero: number;
  /** Read back every written extent and sample the zeros, or sample all. */
  readonly verify: "full" | "sampled";
  /** A write that moves no byte for so long is ended. */
  readonly stall: string;
  /** Logical sector size of the disk, bytes; 512 where the ramdisk does not tell. */
  readonly sector?: number;
  /**
   * The layout's ephemeral partition is on the disk already and keeps every byte. "check": the disk's partition table
   * must show exactly the partitions that `cut` makes. "resume": an earlier attempt of the same deployment checked
   * that and began to write, so its mark in the first sectors (mark.ts) is taken in the table's place; this layout's own
   * table, too. Anything else is refused before a byte is written: WRITE_LAYOUT_DIFFERS. Only for layouts with an ephemeral partition.
   */
  readonly keepEphemeral?: "check" | "resume";
  /** How the disk was cut for the system whose ephemeral partition is kept; default: as `layout`. */
  readonly cut?: DiskLayout;
  /** Give the root all the room there is: a partition image's has its partition, a whole-disk image's is made larger in its table. */
  readonly grow?: boolean;
}

export type GrowingFileSystem = "ext" | "xfs";

/** A partition whose file system is smaller than it: growing that is the ramdisk's part. Bytes from the start of the disk. */
export interface Growth {
  readonly start: number;
  readonly length: number;
  readonly fileSystem: GrowingFileSystem;
}

export interface Written {
  readonly bytesWritten: number;
  readonly verified: "full" | "sampled";
  /** UUID of the root file system of a partition image. */
  readonly rootUuid?: string;
  /** The root partition, where its file system can be grown. */
  readonly growth?: Growth;
  /** Where the time went: stale signatures wiped, bytes written and flushed, bytes read back. */
  readonly seconds?: { readonly wipe: number; readonly write: number; readonly verify: number };
}

/** What an image is to be written with. */
export interface CheckedWith {
  readonly layout?: DiskLayout;
  /** Whether a volume goes beside it. */
  readonly volume?: boolean;
  /** Whether files are laid into it. */
  readonly files?: boolean;
  /** What the server starts by. */
  readonly firmware?: Firmware;
}

/** Puts an image on a disk. When it answers, the bytes are flushed and were read back. */
export interface WriteDriver {
  /** Whether this host has what writing takes; for the preview. */
  readonly ready: (ctx: Context) => Promise<void>;
  /** What can be known to be wrong before a server is touched: formats, sizes, missing programs. */
  readonly check: (ctx: Context, image: SourceImage, more?: CheckedWith) => Promise<void>;
  readonly write: (ctx: Context, job: WriteJob) => Promise<Written>;
}
