/** Processor architectures, in the words of Linux and of Ironic's `cpu_arch`. */
export const architectures = ["x86_64", "aarch64", "i386"] as const;
export type Arch = (typeof architectures)[number];

/** Those for which we build a ramdisk and have a boot loader of our own. */
export const ramdiskArchs = ["x86_64", "aarch64"] as const satisfies readonly Arch[];
export type RamdiskArch = (typeof ramdiskArchs)[number];
export const hasRamdisk = (arch: Arch): arch is RamdiskArch =>
  (ramdiskArchs as readonly Arch[]).includes(arch);

/** How Debian and Ubuntu call them. */
export const debianName: Readonly<Record<RamdiskArch, string>> = { x86_64: "amd64", aarch64: "arm64" };

/** Whether what was made for one architecture runs on a machine of another. */
export const runsOn = (made: Arch, machine: Arch): boolean =>
  made === machine || (made === "i386" && machine === "x86_64");

const ofNode: Readonly<Record<string, RamdiskArch>> = { x64: "x86_64", arm64: "aarch64" };

/** Whether packages of this architecture can only be unpacked here, and neither installed nor run. */
export const isForeign = (arch: Arch): boolean => ofNode[process.arch] !== arch;
