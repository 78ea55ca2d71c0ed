import { copyFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

// Debian and Ubuntu (ovmf). VARS…ms.fd holds Microsoft's keys, and Secure Boot is on in it.
const ovmf = "/usr/share/OVMF";
const plain = { code: `${ovmf}/OVMF_CODE_4M.fd`, vars: `${ovmf}/OVMF_VARS_4M.fd` };
const secure = { code: `${ovmf}/OVMF_CODE_4M.secboot.fd`, vars: `${ovmf}/OVMF_VARS_4M.ms.fd` };

/** The firmware's code, and what its variables are at first. */
export interface FirmwareFiles {
  readonly code: string;
  readonly vars: string;
}

/** Give the server in `folder` variables of its own, without what another one remembered, and tell QEMU's words for its firmware. */
export async function prepareUefi(
  folder: string,
  secureBoot = false,
  own: FirmwareFiles = secureBoot ? secure : plain,
): Promise<readonly string[]> {
  const { code, vars } = own;
  await copyFile(vars, join(folder, "vars.fd"));
  // For `chassis.sh`.
  await writeFile(join(folder, "uefi"), "");
  return [
    ...(secureBoot ? ["-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"] : []),
    ...["-drive", `if=pflash,format=raw,unit=0,readonly=on,file=${code}`],
    ...["-drive", "if=pflash,format=raw,unit=1,file=vars.fd"],
    // With router advertisements, which the lab has for iPXE, network boot by IPv6 would be tried for more than a minute.
    ...["-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=no"],
  ];
}

/** The card: without a ROM file OVMF brings its own network boot; iPXE's ROM would load shim and not start it. */
export const uefiCard = (mac: string): string =>
  `virtio-net-pci,id=card,netdev=net0,mac=${mac},romfile=,bootindex=$index`;
