import { basename } from "node:path";

/** What a client is given to start, by how its firmware calls itself in DHCP option 93. */
export interface BootLoader {
  /** Also the name of its tag or class. */
  readonly firmware: "bios" | "uefi";
  /** Below the TFTP root. Without a folder: shim looks for its second stage beside itself. */
  readonly file: string;
  readonly archs: readonly number[];
}

/**
 * RFC 4578, section 2.1, and IANA's list of processor architecture types: 0 is BIOS; 7 is what UEFI on x86_64 says in
 * practice, 9 what the RFC meant it to say. Others (6: 32 bit, 11: arm64, 16: HTTP boot) are given nothing they could not run.
 */
export const bootLoaders: readonly BootLoader[] = [
  { firmware: "bios", file: "pxelinux.0", archs: [0] },
  { firmware: "uefi", file: "shimx64.efi", archs: [7, 9] },
];

/** How the firmware started that asked for this file; undefined for files that any may ask for. */
export const firmwareAsking = (file: string): BootLoader["firmware"] | undefined =>
  bootLoaders.find((loader) => loader.file === basename(file))?.firmware;

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
): { readonly words: string; readonly firmware?: BootLoader["firmware"] } | undefined {
  const [, digits] = /^(?:PXE|HTTP)Client:Arch:(\d{5})/.exec(vendorClass) ?? [];
  if (digits === undefined) return undefined;
  const arch = Number(digits);
  const loader = bootLoaders.find(({ archs }) => archs.includes(arch));
  const words = architectures[arch] ?? `architecture ${arch}`;
  return { words, ...(loader ? { firmware: loader.firmware } : {}) };
}
