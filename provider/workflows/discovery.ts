import type { DiskState } from "../resources/disks.ts";
import type { HardwareState } from "../resources/hardware.ts";
import { clientArchitecture } from "../services/dnsmasq/index.ts";

/** A card that nobody declared, and that asked to boot from the network. */
export type Stranger = {
  readonly mac: string;
  /** When it asked, ISO 8601. */
  readonly first: string;
  readonly last: string;
  /** As its firmware calls itself (DHCP option 60): `PXEClient:Arch:00007:UNDI:003001`. */
  readonly vendorClass: string;
  /** What its ramdisk told; only with `discovery`. */
  readonly hardware?: HardwareState;
  readonly disks?: readonly DiskState[];
  /** Why it told nothing. */
  readonly error?: string;
  /** It is answered: DHCP knows it, and boot files lie there for it. */
  readonly admitted?: true;
};

/** Whether this is firmware that boots from the network, and not a laptop that wants an address. */
export const bootsFromNetwork = (vendorClass: string): boolean => /^(PXE|HTTP)Client/.test(vendorClass);

/** One more request of a card. */
export const askedAgain = (
  before: Stranger | undefined,
  { mac, vendorClass, at }: { readonly mac: string; readonly vendorClass: string; readonly at: string },
): Stranger => ({ ...before, mac, vendorClass, first: before?.first ?? at, last: at });

/** Once it has told what it is, it is left to whatever it boots: nobody's server is switched off twice. */
export const isToBeAnswered = ({ vendorClass, hardware }: Stranger): boolean =>
  hardware === undefined && clientArchitecture(vendorClass)?.start !== undefined;

/** How its firmware starts, in words; empty where it does not tell. */
export function firmwareOf({ vendorClass, hardware }: Pick<Stranger, "vendorClass" | "hardware">): string {
  if (hardware) return hardware.bootMode;
  const arch = clientArchitecture(vendorClass);
  return arch === undefined ? "" : arch.words;
}
