import { access, constants, open } from "node:fs/promises";
import { delimiter, join } from "node:path";

/** Something that a Linux host must have, and the Debian or Ubuntu package that brings it. */
export interface Need {
  /** The program's name; with `files`, a name for people. */
  readonly name: string;
  readonly package: string;
  /** What it is for, as the end of "needed for …". */
  readonly purpose: string;
  /** Arguments that make the program tell its version. */
  readonly version?: readonly string[];
  /** Not a program on the search path: one of these files. */
  readonly files?: readonly string[];
  /** The program must run where there is no C library: inside the ramdisk. */
  readonly linked?: "statically";
}

/** What the deploy helper and the ramdisk builder use on their host. */
export const programs: readonly Need[] = [
  {
    name: "setpriv",
    package: "util-linux",
    purpose: "ending every program we started when we end",
    version: ["--version"],
  },
  {
    name: "ipmitool",
    package: "ipmitool",
    purpose: "power controllers that speak IPMI",
    version: ["-V"],
  },
  {
    name: "ip",
    package: "iproute2",
    purpose: "telling which machine answers at an address",
    version: ["-V"],
  },
  {
    name: "dnsmasq",
    package: "dnsmasq-base",
    purpose: "DHCP and TFTP for network boot",
    version: ["--version"],
  },
  {
    name: "pxelinux.0",
    package: "pxelinux",
    purpose: "the boot loader that servers fetch",
    files: ["/usr/lib/PXELINUX/pxelinux.0", "/usr/lib/syslinux/pxelinux.0", "/usr/share/syslinux/pxelinux.0"],
  },
  {
    name: "ldlinux.c32",
    package: "syslinux-common",
    purpose: "the part that the boot loader loads next",
    files: ["/usr/lib/syslinux/modules/bios/ldlinux.c32", "/usr/share/syslinux/ldlinux.c32"],
  },
  { name: "qemu-img", package: "qemu-utils", purpose: "writing images to disks", version: ["--version"] },
  { name: "sfdisk", package: "fdisk", purpose: "laying out partition tables", version: ["--version"] },
  { name: "mkswap", package: "util-linux", purpose: "laying out swap space", version: ["--version"] },
  { name: "mke2fs", package: "e2fsprogs", purpose: "laying out file systems", version: ["-V"] },
  {
    name: "xz",
    package: "xz-utils",
    purpose: "compressed images and kernel modules",
    version: ["--version"],
  },
  { name: "zstd", package: "zstd", purpose: "compressed images and the ramdisk", version: ["--version"] },
  { name: "cpio", package: "cpio", purpose: "packing the ramdisk", version: ["--version"] },
  { name: "depmod", package: "kmod", purpose: "the ramdisk's kernel modules", version: ["--version"] },
  { name: "dpkg-deb", package: "dpkg", purpose: "unpacking the ramdisk's kernel", version: ["--version"] },
  {
    name: "busybox",
    package: "busybox-static",
    purpose: "the programs inside the ramdisk",
    version: [],
    linked: "statically",
  },
];

/** The folders in which programs are looked for: those of PATH, and the system's own, which PATH of a plain user lacks. */
export function searchPath(path: string | undefined): string {
  const own = ["/usr/local/sbin", "/usr/sbin", "/sbin"];
  const given = (path ?? "").split(delimiter).filter((folder) => folder !== "");
  return [...new Set([...given, ...(process.platform === "win32" ? [] : own)])].join(delimiter);
}

/** Where a need is met on this host, as a path, or undefined. Nothing is started. */
export async function locate(need: Need, path: string): Promise<string | undefined> {
  const places = need.files ?? path.split(delimiter).map((folder) => join(folder, need.name));
  const mode = need.files ? constants.R_OK : constants.X_OK;
  for (const place of places) {
    const there = await access(place, mode).then(
      () => true,
      () => false,
    );
    if (there && (need.linked !== "statically" || (await runsAlone(place)))) return place;
  }
  return undefined;
}

/** The command that installs packages on Debian and Ubuntu, as a person would type it. */
export function aptLine(packages: Iterable<string>, sudo = true): string {
  const names = [...new Set(packages)].sort();
  return `${sudo ? "sudo " : ""}apt-get install --yes --no-install-recommends ${names.join(" ")}`;
}

// A 64-bit ELF file that asks for no program interpreter (header type 3) needs no dynamic loader either.
async function runsAlone(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer: head, bytesRead } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
    if (bytesRead < 64 || head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2) return false;
    const [first, size, count] = [
      Number(head.readBigUInt64LE(32)),
      head.readUInt16LE(54),
      head.readUInt16LE(56),
    ];
    for (let at = first; at < first + size * count && at + 4 <= bytesRead; at += size) {
      if (head.readUInt32LE(at) === 3) return false;
    }
    return true;
  } finally {
    await file.close();
  }
}
