import { access, constants } from "node:fs/promises";
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
  /** Nothing stops without it; what it is for is left undone. */
  readonly optional?: boolean;
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
    name: "virsh",
    package: "libvirt-clients",
    purpose: "virtual machines of libvirt as servers",
    version: ["--version"],
    optional: true,
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
  {
    name: "shimx64.efi",
    package: "shim-signed",
    purpose: "the boot loader that UEFI servers fetch",
    files: ["/usr/lib/shim/shimx64.efi.signed", "/usr/lib/shim/shimx64.efi.signed.latest"],
    optional: true,
  },
  {
    name: "grubnetx64.efi",
    package: "grub-efi-amd64-signed",
    purpose: "the part that shim loads next, on UEFI servers",
    files: ["/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"],
    optional: true,
  },
  {
    name: "gcdx64.efi",
    package: "grub-efi-amd64-signed",
    purpose: "the same on servers that start from virtual media",
    files: ["/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed"],
    optional: true,
  },
  { name: "qemu-img", package: "qemu-utils", purpose: "writing images to disks", version: ["--version"] },
  { name: "mke2fs", package: "e2fsprogs", purpose: "ephemeral partitions", version: ["-V"] },
  {
    name: "mkfs.fat",
    package: "dosfstools",
    purpose: "EFI system partitions beside a partition image",
    version: ["--help"],
    optional: true,
  },
  {
    name: "debugfs",
    package: "e2fsprogs",
    purpose: "`images inspect`, `images extract-kernel`, and files laid into images without cloud-init",
    version: ["-V"],
    optional: true,
  },
  {
    name: "xz",
    package: "xz-utils",
    purpose: "compressed images and kernel modules",
    version: ["--version"],
  },
  { name: "zstd", package: "zstd", purpose: "compressed images and the ramdisk", version: ["--version"] },
  {
    name: "apt-get",
    package: "apt",
    purpose: "fetching what the ramdisk is made of",
    version: ["--version"],
  },
  {
    name: "dpkg-deb",
    package: "dpkg",
    purpose: "unpacking what the ramdisk is made of",
    version: ["--version"],
  },
  {
    name: "openssl",
    package: "openssl",
    purpose: "`serve` without a certificate of your own",
    version: ["version"],
    optional: true,
  },
  {
    name: "ssh-keyscan",
    package: "openssh-client",
    purpose: "the output `hostKeys`, and noticing that a system was installed anew by hand",
    optional: true,
  },
  {
    name: "ping",
    package: "iputils-ping",
    purpose: '`waitFor: "ping"`, and telling whether a silent server is there at all',
    optional: true,
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
    if (there) return place;
  }
  return undefined;
}

/** The command that installs packages on Debian and Ubuntu, as a person would type it. */
export function aptLine(packages: Iterable<string>, sudo = true): string {
  const names = [...new Set(packages)].sort();
  return `${sudo ? "sudo " : ""}apt-get install --yes --no-install-recommends ${names.join(" ")}`;
}
