import { realValue } from "../drivers/power/identity.ts";
import { showBytes } from "../kernel/units.ts";
import { type Hints, rejection } from "../resources/hints.ts";
import type { Disk, Machine } from "../services/callback/announcement.ts";
import type { DiskRecord, RejectedDisk } from "./deployment.ts";
import { workflowErrors } from "./errors.ts";

/** Which of a machine's disks is asked for. */
export interface DiskChoice {
  readonly node: string;
  readonly machine: Machine;
  readonly hints: Hints;
}

/**
 * The disk that the ramdisk chose, if by our own judgement too it is the one that is meant; otherwise each disk is named,
 * with the reason against it.
 */
export function chosenDisk({ node, machine, hints }: DiskChoice): Disk {
  const { disks } = machine;
  const meeting = disks.filter((disk) => rejection(hints, disk) === "");
  const chosen = meeting.find(({ name }) => name === machine.chosen);
  const told = Object.values(hints).some((hint) => hint !== undefined);
  if (chosen && (meeting.length === 1 || !told)) return chosen;
  if (meeting.length > 1) {
    const seen = meeting.map((disk) => `${describe(disk)}, ${showBytes(disk.size)}`).join("; ");
    throw workflowErrors.make("DEPLOY_DISK_AMBIGUOUS", { node, count: meeting.length, seen });
  }
  const against = (disk: Disk) => rejection(hints, disk) || "the ramdisk did not export it";
  const seen = disks.map((disk) => `${describe(disk)}: ${against(disk)}`).join("; ") || "none was found";
  throw workflowErrors.make("DEPLOY_NO_DISK", { node, seen });
}

/** The disks that were not chosen, under their lasting names, with the reasons. */
export const rejectedDisks = ({ machine, hints }: DiskChoice): readonly RejectedDisk[] =>
  machine.disks
    .filter(({ name }) => name !== machine.chosen)
    .map((disk) => ({ disk: lastingName(disk), reason: rejection(hints, disk) }));

/** What is known when the first byte is about to be written. */
export interface DiskQuestion extends DiskChoice {
  readonly instance: string;
  readonly wipe: boolean;
  /** Our records of a disk, if there are any. */
  readonly recordOf: (disk: Disk) => DiskRecord | undefined;
  /** Another node on whose disk of this identity an instance is installed. */
  readonly elsewhere?: (disk: Disk) => { readonly node: string; readonly instance: string } | undefined;
  /** A reinstall that was allowed: the disk of the system it replaces, or "any" where nobody knew it. */
  readonly replaces?: string;
}

/**
 * The disk that may be written, or the reason why none may. A first install writes only to a disk that is blank, or
 * that holds only what this site wrote for an instance its owner has deleted, or that the program says to wipe.
 */
export function approveDisk(question: DiskQuestion): Disk {
  const { node, machine, wipe } = question;
  const chosen = chosenDisk(question);
  const other = question.elsewhere?.(chosen);
  if (other) {
    throw workflowErrors.make("DEPLOY_DISK_OF_OTHER", { disk: describe(chosen), node, ...named(other) });
  }
  if (!wipe && !isOurs(question, chosen)) {
    throw workflowErrors.make("DEPLOY_DISK_NOT_BLANK", { disk: describe(chosen), node, holds: chosen.holds });
  }
  const rival = machine.disks.find(
    (disk, index) =>
      (index < machine.disks.indexOf(chosen) || isPluggedBefore(disk, chosen)) &&
      disk.unfit === "" &&
      !isOurs(question, disk),
  );
  if (rival && !wipe) {
    const [disk, holds] = [describe(rival), rival.holds];
    throw workflowErrors.make("DEPLOY_OTHER_DISK_BOOTS", { disk, node, holds, chosen: chosen.name });
  }
  return chosen;
}

/** Kernels name disks in the order in which they answer, another one at each boot; firmware goes by the place. */
const isPluggedBefore = ({ byPath: a }: Disk, { byPath: b }: Disk): boolean =>
  a !== "" && b !== "" && a.localeCompare(b, "en", { numeric: true }) < 0;

/** Blank, or written by this site for an instance that is gone, or by this very deployment before it was cut off. */
function isOurs({ instance, machine, recordOf, replaces }: DiskQuestion, disk: Disk): boolean {
  if (disk.holds === "") return true;
  if (replaces === "any" && disk.name === machine.chosen) return true;
  // Two disks that call themselves the same: the record of one would open the other.
  if (machine.disks.some((other) => other !== disk && identityOf(other) === identityOf(disk))) return false;
  const record = recordOf(disk);
  if (record === undefined) return false;
  // Unclean: its cleaning was given up, else it would not have come so far.
  if (record.state === "released" || record.state === "unclean") return true;
  if (record.instance !== instance) return false;
  return record.state === "writing" || replaces === identityOf(disk);
}

const named = ({ node, instance }: { readonly node: string; readonly instance: string }) => ({
  other: node,
  instance,
});

/**
 * A disk's lasting name: what its firmware says, never the kernel's order. Empty when it tells nothing; what vendors
 * put where they know nothing (zeros, "none") is nothing.
 */
export const identityOf = ({ wwn, serial, byId }: Disk): string =>
  [wwn, serial, byId].find((word) => realValue(word.replace(/^0x/i, "")) !== undefined) ?? "";

/** The name under /dev/disk that a disk keeps over reboots; the kernel's own only where it tells nothing else. */
export const lastingName = ({ byId, byPath, name }: Disk): string => byId || byPath || name;

const describe = ({ name, model, serial }: Disk) =>
  [name, model, serial && `serial ${serial}`].filter((word) => word !== "").join(" ");
