import type { DiskLayout, SourceImage, WriteDriver, WriteJob, Written } from "../drivers/write/driver.ts";
import type { Context } from "../kernel/context.ts";
import type { Duration } from "../kernel/units.ts";
import type { ImageSpec, InstanceSpec } from "../resources/index.ts";
import type { BootEntry, Disk, Growing } from "../services/callback/announcement.ts";
import type { Astray } from "./astray.ts";
import type { NetbootMachine, NetbootRecord, NetbootScratch } from "./netboot.ts";

/** What is remembered of one deployment; each change is on disk before the next thing is done. */
export interface DeploymentRecord extends NetbootRecord {
  /** The disk that was looked at and approved. */
  readonly disk?: Disk;
  /** The others, and why they were not. */
  readonly rejected?: readonly RejectedDisk[];
  readonly written?: Written;
  /** The boot of the ramdisk that was asked to grow the root. */
  readonly growing?: string;
  /** What came of that. */
  readonly grown?: Growing;
  /** The site's own scripts were run on what was written. */
  readonly hooked?: boolean;
  /** What came of the firmware's own entry for the system. */
  readonly bootEntry?: Exclude<BootEntry, { state: "able" }>;
  readonly switched?: boolean;
  /** The inputs by which it was written, of those whose change writes it again. */
  readonly system?: Readonly<Record<string, unknown>>;
  /** The image as it was written: its declaration may be another one by now, and its kernel must not boot this root. */
  readonly image?: ImageSpec;
  /** How the disk of a partition image was cut; bytes. */
  readonly layout?: DiskLayout;
  /** Taken over as it was: of what lies on its disk nothing is known. */
  readonly adopted?: boolean;
  /** The system that this deployment replaces. Until `erased` it can be booted again. */
  readonly earlier?: DeploymentRecord;
  /** The first byte may have been written: what was on the disk is gone. */
  readonly erased?: boolean;
  /** Ended on somebody's word while its disk was being written: the server is sound, what lies on its disk is not. */
  readonly interrupted?: boolean;
  /** Digest of the boot files as they were laid last; another one was laid by somebody else. */
  readonly bootDigest?: string;
  /** Part of the address that the system phones home to; only where it was told to. Void when it was used. */
  readonly phoneToken?: string;
  /** The address from which the system phoned home. */
  readonly phonedFrom?: string;
  /** SSH host keys of the system when it answered. */
  readonly hostKeys?: readonly string[];
  /** Host keys that answered in its place at the last look: somebody installed the server by hand. */
  readonly foreign?: readonly string[];
}

/** A disk that was not chosen. */
export interface RejectedDisk {
  /** Its name under /dev/disk/by-id or by-path. */
  readonly disk: string;
  readonly reason: string;
}

/** What an earlier install left on a disk, by our records. */
export interface DiskRecord {
  readonly instance: string;
  readonly state: "writing" | "installed" | "released" | "unclean";
}

/** Whether the system answers, and who it is that answers. */
export interface AnswerSeen {
  readonly open: boolean;
  /** The one that answers. */
  readonly address?: string;
  /** From the neighbour table; undefined where the answer itself proves whose it is. */
  readonly mac?: string;
  /** What the system told of itself, proven by its token. */
  readonly hostKeys?: readonly string[];
  /** What was seen, for people. */
  readonly detail: string;
}

/** All that the deploy story needs, handed in by the site. */
export interface DeployMachine extends NetbootMachine {
  readonly instance: { readonly name: string; readonly spec: InstanceSpec };
  readonly limits: Limits;
  readonly writer: WriteDriver;
  readonly record: () => DeploymentRecord;
  readonly update: (change: Partial<DeploymentRecord>) => Promise<void>;
  /** Fetch image and ramdisk; answers when both lie verified on this host. */
  readonly fetch: (ctx: Context) => Promise<void>;
  readonly image: () => { readonly source: SourceImage; readonly layout?: DiskLayout };
  /** What tells the system its name, keys and network, on a disk with such sectors: a volume, files, or nothing. */
  readonly configuration: (sector: number) => Promise<Pick<WriteJob, "volume" | "files">>;
  readonly diskRecord: (disk: Disk) => Promise<DiskRecord | undefined>;
  /** Where else a disk of this identity holds an installed system, by our records. */
  readonly diskElsewhere: (
    disk: Disk,
  ) => Promise<{ readonly node: string; readonly instance: string } | undefined>;
  readonly keepDisk: (disk: Disk | undefined, state: DiskRecord["state"]) => Promise<void>;
  /** Where it is instead of in its system, by what was seen since it was sent on its way. Takes a few seconds. */
  readonly astray: () => Promise<Astray | undefined>;
  /** Look once whether the system answers, in the way that its instance is waited for. */
  readonly probe: (ctx: Context) => Promise<AnswerSeen>;
  /** SSH host keys that an address shows; empty where none are shown, or nobody waits for an SSH server. */
  readonly hostKeys: (ctx: Context, address: string) => Promise<readonly string[]>;
  /** A fact worth keeping in the run's own notes. */
  readonly scratch: Scratch;
}
export interface Limits {
  readonly power: Duration;
  /** For a system to shut down by itself. */
  readonly soft: Duration;
  readonly callback: Duration;
  readonly stall: Duration;
  readonly answer: Duration;
}
/** What one run of the story finds out on its way; gone when the run ends. */
export interface Scratch extends NetbootScratch {
  /** This run sent the server on its way to its system. */
  rebooted?: boolean;
  /** The write goes on where an earlier run of this deployment began it. */
  resumed?: boolean;
}
