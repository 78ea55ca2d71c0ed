import type { BootDriver } from "./driver.ts";
import { openGrub } from "./grub.ts";
import { openPxelinux } from "./pxelinux.ts";

export { openGrub, openPxelinux };

/** How a server's firmware starts. */
export type Firmware = "bios" | "uefi";

/** The driver for servers whose firmware starts this way. Both lay their files into one tree. */
export function openBoot(firmware: Firmware, tftpRoot: string): BootDriver {
  switch (firmware) {
    case "bios":
      return openPxelinux({ tftpRoot });
    case "uefi":
      return openGrub({ tftpRoot });
    default:
      throw new TypeError(`no such firmware: ${firmware satisfies never}`);
  }
}
