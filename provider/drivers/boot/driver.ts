import type { Context } from "../../kernel/context.ts";

/** A kernel and a ramdisk on this host's disk, and the words of the kernel's command line. */
export interface BootEntry {
  /** Absolute paths; the driver copies or links them under its root. */
  readonly kernel: string;
  readonly ramdisk: string;
  /** Nova's order matters to old ramdisks: the driver keeps the order given. */
  readonly args: readonly string[];
}

/** What one server is to find when it boots from the network. */
export interface BootFiles {
  /** Names the deployment's folder: the instance's name. */
  readonly deployment: string;
  /** Canonical MACs: lower-case with colons. One file each. */
  readonly macs: readonly string[];
  readonly deploy: BootEntry;
  /**
   * After the write: the system's own kernel over the network (Nova's way; `{ROOT}` in its args becomes `UUID=…`),
   * or the local disk.
   */
  readonly boot: BootEntry | "local";
  /** Where kernels and ramdisks are served by HTTP too, `http://10.99.0.1:10069`, for loaders that can; absent = only TFTP. */
  readonly http?: string;
}

export type BootLabel = "deploy" | "boot";

/** What lies under the boot root for a deployment, for `observe`. */
export interface BootSeen {
  readonly label: BootLabel | undefined;
  /** Lower-case sha256 over what is served for each MAC; a hand-edited file shows as another digest. */
  readonly digest: string;
  readonly missing: readonly string[];
}

/** Prepares what the network serves to a booting server. All writes are atomic; asked twice does no harm. */
export interface BootDriver {
  /** Whether this host has the boot loader: BOOT_LOADER_MISSING. */
  readonly ready: (ctx: Context) => Promise<void>;
  /** Lay the tree and the files for each MAC, with `deploy` as what boots unless told otherwise. */
  readonly prepare: (
    ctx: Context,
    files: BootFiles,
    label?: BootLabel,
    how?: { rootUuid?: string },
  ) => Promise<void>;
  /** Change what boots next. `rootUuid` fills `{ROOT}`. */
  readonly switchTo: (
    ctx: Context,
    files: BootFiles,
    label: BootLabel,
    how?: { rootUuid?: string },
  ) => Promise<void>;
  readonly seen: (ctx: Context, deployment: string, macs: readonly string[]) => Promise<BootSeen | undefined>;
  /**
   * Where the controller finds, as an image of a CD, what was laid with `deploy`; only where that is the way. Whoever knows it may
   * fetch it, and learns the deployment's key.
   */
  readonly medium?: (ctx: Context, files: BootFiles) => Promise<string>;
  /** Take everything of this deployment away. Gone already is success. */
  readonly withdraw: (ctx: Context, deployment: string, macs: readonly string[]) => Promise<void>;
}
