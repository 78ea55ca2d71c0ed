import type { Size } from "../kernel/units.ts";
import type { DiskState } from "./disks.ts";
import type { HardwareState } from "./hardware.ts";
import { type Hints, rejection } from "./hints.ts";
import { unknownPaths } from "./unknown.ts";

/** What a flavor asks a server for. A program may leave it to an inspection. */
export interface Sizes {
  readonly cpus?: number | undefined;
  readonly memory?: Size | undefined;
  readonly disk?: Size | undefined;
}

/** What was seen of a server. */
export interface Seen {
  readonly hardware?: Pick<HardwareState, "cpus" | "memory"> | undefined;
  readonly disks?: readonly Pick<DiskState, keyof DiskState>[] | undefined;
}

/** Processors, memory and the system's disk by these hints, as they were seen; what nobody has seen, or two disks may mean, is absent. */
export function seenSizes({ hardware, disks = [] }: Seen, hints: Hints): Sizes {
  if (hardware === undefined) return {};
  const sizes = { cpus: hardware.cpus, memory: wholeMemory(hardware.memory) };
  // Hints that only the update will know may still mean any.
  const open = unknownPaths(hints).length > 0;
  const meant = disks.filter((disk) => rejection(open ? {} : hints, disk) === "").map(({ size }) => size);
  return meant.length === 1 || (open && meant.length > 0)
    ? { ...sizes, disk: wholeDisk(Math.max(...meant)) }
    : sizes;
}

/** In the units in which they are written: never more than there is. */
export const wholeMemory = (bytes: number): Size => `${Math.floor(bytes / 2 ** 20)} MiB`;
export const wholeDisk = (bytes: number): Size => `${Math.floor(bytes / 1e9)} GB`;

/** A declaration with what was seen in the places that it leaves open. */
export function sized<S extends Sizes>(spec: S, seen: Seen, hints: Hints): S {
  const { cpus, memory, disk } = spec;
  if (cpus !== undefined && memory !== undefined && disk !== undefined) return spec;
  const found = seenSizes(seen, hints);
  const given = Object.fromEntries(
    Object.entries({ cpus, memory, disk }).filter(([, value]) => value !== undefined),
  );
  return { ...spec, ...found, ...given };
}

/** Sizes that are neither declared nor seen. */
export const unsized = ({ cpus, memory, disk }: Sizes): readonly string[] =>
  Object.entries({ cpus, memory, disk }).flatMap(([key, value]) => (value === undefined ? [key] : []));
