import type { Arch } from "../../kernel/arch.ts";
import type { BootDriver } from "./driver.ts";
import { openGrub } from "./grub.ts";
import type { BootDriverName } from "./kinds.ts";
import { openMedia } from "./media.ts";
import { openPxelinux } from "./pxelinux.ts";

export { openGrub, openMedia, openPxelinux };

/** How a server's firmware starts. */
export type Firmware = "bios" | "uefi";

/** What a server is to a boot loader. */
export interface Start {
  readonly firmware: Firmware;
  readonly arch: Arch;
  /** Default: `network`. */
  readonly driver?: BootDriverName | undefined;
}

/** Where boot files lie and come from. */
export interface BootPlaces {
  /** Absolute path of the folder that TFTP serves. */
  readonly tftpRoot: string;
  /** A folder in which packages of that architecture may lie unpacked, as this host cannot install them. */
  readonly unpacked?: string | undefined;
  /** Loaders that can fetch kernel and ramdisk by HTTP: pxelinux's; Debian's signed GRUB has none of it (2.06). */
  readonly http: boolean;
}

/** The driver for servers that start this way. All lay their files into one tree. */
export function openBoot({ firmware, arch, driver }: Start, places: BootPlaces): BootDriver {
  const { tftpRoot, unpacked, http } = places;
  if (driver === "virtual-media") return openMedia({ ...places, arch: arch === "i386" ? "x86_64" : arch });
  switch (firmware) {
    case "bios":
      return openPxelinux({ tftpRoot, http });
    case "uefi":
      return openGrub({ tftpRoot, arch: arch === "i386" ? "x86_64" : arch, unpacked });
    default:
      throw new TypeError(`no such firmware: ${firmware satisfies never}`);
  }
}
