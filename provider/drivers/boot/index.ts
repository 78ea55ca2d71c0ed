import type { Arch } from "../../kernel/arch.ts";
import type { BootDriver } from "./driver.ts";
import { openGrub } from "./grub.ts";
import { openPxelinux } from "./pxelinux.ts";

export { openGrub, openPxelinux };

/** How a server's firmware starts. */
export type Firmware = "bios" | "uefi";

/** What a server is to a boot loader. */
export interface Start {
  readonly firmware: Firmware;
  readonly arch: Arch;
}

/**
 * The driver for servers that start this way. All lay their files into one tree. `unpacked`: a folder in which packages of
 * that architecture may lie unpacked, as this host cannot install them.
 */
export function openBoot({ firmware, arch }: Start, tftpRoot: string, unpacked?: string): BootDriver {
  switch (firmware) {
    case "bios":
      return openPxelinux({ tftpRoot });
    case "uefi":
      return openGrub({ tftpRoot, arch: arch === "i386" ? "x86_64" : arch, unpacked });
    default:
      throw new TypeError(`no such firmware: ${firmware satisfies never}`);
  }
}
