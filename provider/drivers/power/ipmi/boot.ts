import type { BootTarget } from "../driver.ts";
import { powerErrors } from "../errors.ts";

/** System boot options of IPMI 2.0 as bytes, and back. */

// IPMI 2.0, table 28-14. Parameter 3, bit 3: keep the boot flags although no chassis command follows within 60 s, which
// a server that is slow to start would otherwise lose (the same write as Ironic's, drivers/modules/ipmitool.py).
export const keepBootFlags: readonly number[] = [0x03, 0x08];

// Bits 5:2 of the second byte; the others (CD, setup, safe mode, …) are nothing that we set.
const bootDevices: Readonly<Record<number, BootTarget["device"]>> = { 1: "network", 2: "disk" };

/** Parameter 5 of Set System Boot Options: flags valid, once or for good, BIOS or EFI; then the device; three unused. */
export function bootBytes({ device, persistent, firmware }: BootTarget): readonly number[] {
  const flags = 0x80 | (persistent ? 0x40 : 0) | (firmware === "uefi" ? 0x20 : 0);
  const first = device === "network" ? 0x04 : 0x08;
  return [0x05, flags, first, 0, 0, 0];
}

// IPMI 2.0, section 28.13: parameter 5, which has neither sets nor blocks.
export const readBootFlags: readonly number[] = [0x05, 0x00, 0x00];

/** What Get System Boot Options tells of parameter 5, as `bootBytes` wrote it; `address` is for the words of an odd reply. */
export function parseBoot(answer: Buffer, address: string): BootTarget | undefined {
  // The parameter's version, its number with bit 7 for "invalid or locked", then the five bytes that were set.
  const [, parameter = 0, flags = 0, first] = answer;
  if ((parameter & 0x7f) !== 0x05 || first === undefined) {
    const reply = answer.toString("hex");
    throw powerErrors.make("POWER_ODD_REPLY", { address, reply, what: "the boot override" });
  }
  const device = bootDevices[(first >> 2) & 0x0f];
  const valid = (parameter & 0x80) === 0 && (flags & 0x80) !== 0;
  if (!valid || device === undefined) return undefined;
  return { device, persistent: (flags & 0x40) !== 0, firmware: (flags & 0x20) !== 0 ? "uefi" : "bios" };
}
