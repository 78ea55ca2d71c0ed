import { join } from "node:path";
import type { FirmwareFiles } from "./uefi.ts";

/**
 * Words for a machine of arm64, as far as they differ from those of x86_64. The emulator's package and the firmware's lie
 * unpacked in a folder (`tools/images/arm64.ts`): most who use the lab need neither.
 */
export const arm64Machine = (unpacked: string): readonly string[] => [
  ...[join(unpacked, "usr/bin/qemu-system-aarch64"), "-machine", "virt"],
  // The simplest that boots Debian; newer ones cost more to emulate.
  ...["-cpu", "cortex-a57"],
];

export const arm64Firmware = (unpacked: string): FirmwareFiles => ({
  code: join(unpacked, "usr/share/AAVMF/AAVMF_CODE.fd"),
  vars: join(unpacked, "usr/share/AAVMF/AAVMF_VARS.fd"),
});
