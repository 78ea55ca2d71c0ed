import { basename } from "node:path";
import type { Arch } from "../../kernel/arch.ts";

/** What a client is given to start, by how its firmware calls itself in DHCP option 93. */
export interface BootLoader extends Start {
  /** The name of its tag or class. */
  readonly tag: string;
  /** Below the TFTP root. Without a folder: shim looks for its second stage beside itself. */
  readonly file: string;
  /** Numbers of option 93. */
  readonly clients: readonly number[];
}

/** How a server starts that asks for a boot loader. */
export interface Start {
  readonly firmware: "bios" | "uefi";
  /** What the loader is made for; a machine that can run it asks for it. */
  readonly arch: Arch;
}

/**
 * RFC 4578, section 2.1, and IANA's list of processor architecture types: 0 is BIOS; 7 is what UEFI on x86_64 says in
 * practice, 9 what the RFC meant it to say; 11 is UEFI on arm64. Others (6: 32 bit; 16 and 19: HTTP boot, where Debian's GRUB
 * finds no menu) are given nothing they could not run.
 */
export const bootLoaders: readonly BootLoader[] = [
  { tag: "bios", firmware: "bios", arch: "i386", file: "pxelinux.0", clients: [0] },
  { tag: "uefi", firmware: "uefi", arch: "x86_64", file: "shimx64.efi", clients: [7, 9] },
  { tag: "uefi-arm64", firmware: "uefi", arch: "aarch64", file: "shimaa64.efi", clients: [11] },
];

/** How the server starts that asked for this file; undefined for files that any may ask for. */
export const startAsking = (file: string): Start | undefined =>
  bootLoaders.find((loader) => loader.file === basename(file));

/** Names of IANA's list that servers say. */
const architectures: Readonly<Record<number, string>> = {
  0: "bios",
  6: "uefi (32 bit)",
  7: "uefi",
  9: "uefi",
  11: "uefi (arm64)",
  16: "uefi (HTTP)",
  19: "uefi (arm64, HTTP)",
};

/** What a vendor class tells of its firmware (PXE specification 2.1: `PXEClient:Arch:00007:…`), and what it is given to start. */
export function clientArchitecture(
  vendorClass: string,
): { readonly words: string; readonly start?: Start } | undefined {
  const [, digits] = /^(?:PXE|HTTP)Client:Arch:(\d{5})/.exec(vendorClass) ?? [];
  if (digits === undefined) return undefined;
  const arch = Number(digits);
  const start = bootLoaders.find(({ clients }) => clients.includes(arch));
  const words = architectures[arch] ?? `architecture ${arch}`;
  return { words, ...(start ? { start } : {}) };
}
