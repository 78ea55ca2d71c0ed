import { copyFile, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

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
  `virtio-net-pci,id=card,netdev=net0,mac=${mac},romfile=,bootindex=$card`;

/** A CD drive; what lies in it, and whether it is started from, `chassis.sh` says. */
export const uefiDisc = [
  ...["-drive", "if=none,id=image,media=cdrom,readonly=on$image"],
  ...["-device", "ide-cd,id=disc,drive=image,bus=ide.5,bootindex=$disc"],
] as const;

/**
 * What the firmware of a server keeps, by name. In its flash a variable is a header of 60 bytes, which begins with 55aa and
 * its state, then name and value; one that was replaced or removed stays there with fewer bits in its state
 * (edk2, MdeModulePkg/Include/Guid/VariableFormat.h).
 */
export async function readVariables(server: {
  readonly diskPath: () => string;
}): Promise<ReadonlyMap<string, Buffer>> {
  const flash = await readFile(join(dirname(server.diskPath()), "vars.fd"));
  const found = new Map<string, Buffer>();
  for (let at = 0; at + 60 < flash.length; at += 4) {
    if (flash.readUInt16LE(at) !== 0x55aa || flash[at + 2] !== 0x3f) continue;
    const [nameSize, size] = [flash.readUInt32LE(at + 36), flash.readUInt32LE(at + 40)];
    const value = at + 60 + nameSize;
    if (nameSize > 1024 || value + size > flash.length) continue;
    found.set(flash.toString("utf16le", at + 60, value - 2), flash.subarray(value, value + size));
  }
  return found;
}
