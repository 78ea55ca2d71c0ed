/** What a server's ramdisk posts to port 10000. The first seven fields are Nova's; the rest is our own ramdisk's. */
export interface Announcement {
  /** `i` */
  readonly deployment: string;
  /** `k` */
  readonly key: string;
  /** `a`: the node's own address, and where `done` is sent. */
  readonly address: string;
  /** `n` */
  readonly iqn: string;
  /** `e`: empty strings are left out. */
  readonly error?: string;
  /** `p`, default 3260. */
  readonly port: number;
  /** `l`, default 1. */
  readonly lun: number;
  /** The address the request came from. */
  readonly peer: string;
  /** Only from our own ramdisk (`v=1`). */
  readonly machine?: Machine;
  /** `o`: what is new in the ramdisk's log. */
  readonly log?: string;
  /** `j`: where that begins, in bytes: what was told already is told again where an answer was lost. */
  readonly logFrom?: number;
  /** `t`: what our own ramdisk was booted for; absent = a deployment. */
  readonly mode?: RamdiskMode;
  /** `g`: how far it is with the disk that it erases. */
  readonly progress?: WipeProgress;
  /** `r`: all disks that were to be cleaned, and are. */
  readonly cleaned?: readonly CleanedDisk[];
  /** `h`: what the server is made of. */
  readonly hardware?: Hardware;
  /** `x`: public host key of the ramdisk's SSH server, `ssh-ed25519 AAAA…`. */
  readonly hostKey?: string;
}

/** What a ramdisk is booted for, beside a deployment. */
export const ramdiskModes = ["clean", "inspect", "rescue"] as const;
export type RamdiskMode = (typeof ramdiskModes)[number];

/** How a disk is cleaned: its tables and signatures, discarded as a whole, overwritten with zeros, or by the drive's own command. */
export const cleanMethods = ["metadata", "discard", "full", "secure"] as const;
export type CleanMethod = (typeof cleanMethods)[number];

/** On the wire: `bytes size identity`. */
export interface WipeProgress {
  readonly bytes: number;
  readonly size: number;
  /** The disk's lasting name. */
  readonly disk: string;
}

/** On the wire: `key=value` pairs joined by tabs, one disk a line. What is told of is erased and read back. */
export interface CleanedDisk {
  /** The lasting name by which it was asked for. */
  readonly disk: string;
  /** Its kernel name in that boot. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly method: CleanMethod;
}

/** The identity and the disks of the server that announces. */
export interface Machine {
  /** `b`: random for each boot of the ramdisk, so a new boot is told from a repeated POST. */
  readonly bootId: string;
  /** `s`, `u`: SMBIOS product serial and UUID, as the machine tells them, placeholders included. */
  readonly serial: string;
  readonly productUuid: string;
  /** `m`: canonical, comma-separated on the wire. */
  readonly macs: readonly string[];
  /** `f`: "bios" or "uefi". */
  readonly firmware: "bios" | "uefi";
  /** `d`: one line for each disk. */
  readonly disks: readonly Disk[];
  /** `c`: kernel name of the disk that is exported; absent when none was chosen. */
  readonly chosen?: string;
  /** `w`: what it makes of the root file system; absent from a ramdisk that grows none. */
  readonly growth?: Growing;
  /** `q`: whether the site's scripts that are run after the write still are to be; absent where there are none. */
  readonly hooks?: "waiting" | "ran";
  /** `y`: what came of the firmware's entry for the system; absent where the firmware keeps no list, or the ramdisk sets none. */
  readonly bootEntry?: BootEntry;
}

/** On the wire one word, and for all but the first a blank and what follows. */
export type BootEntry =
  | { readonly state: "able" }
  /** `Boot0003 \\EFI\\debian\\shimx64.efi` */
  | { readonly state: "set"; readonly entry: string }
  | { readonly state: "none"; readonly reason: string };

/** On the wire one word, and for all but the first a blank and what follows. */
export type Growing =
  | { readonly state: "able" }
  /** Bytes that the file system has now. */
  | { readonly state: "grown"; readonly size: number }
  /** It is as it was, and whole. */
  | { readonly state: "left"; readonly reason: string }
  | { readonly state: "damaged"; readonly reason: string };

/** One disk as the ramdisk sees it. On the wire: `key=value` pairs joined by tabs, one disk a line. */
export interface Disk {
  /** `sda`, `nvme0n1`. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Logical sector size, bytes. */
  readonly sector: number;
  readonly model: string;
  readonly vendor: string;
  readonly serial: string;
  readonly wwn: string;
  /** Basename of the link a udev system would make: `ata-QEMU_HARDDISK_QM00001`, `wwn-0x5000…`. */
  readonly byId: string;
  readonly byPath: string;
  readonly hctl: string;
  readonly rotational: boolean;
  /** Why it never qualifies: "removable", "read-only", "usb", "remote", "too small" (under 4 GiB), "cdrom"; empty = it does. */
  readonly unfit: string;
  /** What it holds, in words: "" = blank (head and tail are zeros and no signature is known), else "gpt; ext4 \"root\" on sda1", "unknown data". */
  readonly holds: string;
  /** Bytes from the start that were read or written as zeros, only for the chosen disk; 0 = not proven. */
  readonly zero: number;
  /**
   * By which command it erases itself (`sanitize …`, `format …`, `enhanced erase`, `erase`), or `locked`, `frozen`, or
   * `none:` and why; only from a ramdisk that is to clean so.
   */
  readonly erase?: string;
}

/** On the wire: a line of `key=value` pairs joined by tabs for the machine, then one for each card, which begins with `nic`. */
export interface Hardware {
  /** Threads, as the kernel counts processors. */
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** SMBIOS: who made it, what it is called, its firmware's version. */
  readonly vendor: string;
  readonly product: string;
  readonly version: string;
  readonly tpm: boolean;
  /** Absent where the kernel does not tell. */
  readonly secureBoot?: boolean;
  readonly nics: readonly Nic[];
}

export interface Nic {
  readonly nic: string;
  readonly mac: string;
  readonly driver: string;
  readonly link: boolean;
  /** Megabits per second; 0 = it does not tell. */
  readonly speed: number;
  /** It booted from this one. */
  readonly boot: boolean;
  /** What LLDP says of the other end of its cable; its fields stand beside the card's on the wire. */
  readonly neighbour?: Neighbour;
}

/** In LLDP's words (IEEE 802.1AB). */
export interface Neighbour {
  readonly chassisId: string;
  readonly portId: string;
  /** Empty where it does not tell. */
  readonly systemName: string;
  readonly portDescription: string;
  /** The VLAN of frames without a tag. */
  readonly vlan?: number;
}
