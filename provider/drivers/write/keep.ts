import type { WriteJob } from "./driver.ts";
import { writeErrors } from "./errors.ts";
import { isMarked, mark } from "./mark.ts";
import { entriesOf, partitionsOf, type WritePlan } from "./plan.ts";
import { endOf, gaps, type Range, within } from "./ranges.ts";
import type { Entry, TableKind } from "./table.ts";
import { tableFor } from "./tables.ts";
import type { Region } from "./verify.ts";

const MiB = 2 ** 20;

/** The plan of a write that leaves the ephemeral partition as it is. TypeError where there is none: the caller refuses that at preview. */
export function keeping(plan: WritePlan): WritePlan {
  const kept = plan.partitions.find(({ role }) => role === "ephemeral");
  if (kept === undefined) throw new TypeError("there is no ephemeral partition to keep");
  return { ...plan, kept, wipes: plan.wipes.flatMap((wipe) => gaps([kept], wipe)) };
}

/**
 * Whether a disk's first bytes say that it is cut as it was for the earlier system, or is by an attempt of this one, and
 * that the partition to keep lies where the plan has it. WRITE_LAYOUT_DIFFERS.
 */
export function checkKept(
  { keepEphemeral, target, sector = 512, cut, layout, image }: WriteJob,
  { partitions, kept }: WritePlan,
  first: Buffer,
): void {
  const resumes = keepEphemeral === "resume";
  if (resumes && isMarked(first)) return;
  const before = cut ? partitionsOf(cut, image.virtualSize) : partitions;
  const earlier = { kind: tableFor(cut ?? layout ?? {}), partitions: before };
  const own = { kind: tableFor(layout ?? {}), partitions };
  const fits = ({ kind, partitions }: typeof own) => {
    const [its, seen] = [partitions.find(({ role }) => role === "ephemeral"), kind.decode(first, sector)];
    if (seen === undefined || its?.start !== kept?.start || its?.length !== kept?.length) return false;
    return areSame(withoutVolume(seen), entriesOf(partitions));
  };
  if ([earlier, ...(resumes ? [own] : [])].some(fits)) return;
  throw writeErrors.make("WRITE_LAYOUT_DIFFERS", {
    address: target.address,
    expected: before.map(({ role, ...range }) => `${role} ${show(range)}`).join(", "),
    seen: isMarked(first) ? "that a write began and did not end" : showTable(earlier.kind, first, sector),
  });
}

// Not the flag of what boots: it moves no byte, and tools in the running system may change it. The last partition, the
// root, may have become larger: cloud-init's growpart does that at a first boot, and it reaches away from what is kept.
const areSame = (seen: readonly Entry[], expected: readonly Entry[]): boolean =>
  seen.length === expected.length &&
  seen.every(({ start, length, use }, n) => {
    const its = expected[n];
    if (start !== its?.start || use !== its.use) return false;
    return n === expected.length - 1 ? length >= its.length : length === its.length;
  });

/** A volume that went beside the image lies behind all else. It is made anew, or is gone: neither touches what is kept. */
function withoutVolume(table: readonly Entry[]): readonly Entry[] {
  const [before, last] = table.slice(-2);
  const behind = last?.use === "FAT" && before !== undefined && last.start >= endOf(before);
  return behind ? table.slice(0, -1) : table;
}

function showTable({ name, decode }: TableKind, first: Buffer, sector: number): string {
  const table = decode(first, sector);
  if (table === undefined) return `no ${name} partition table`;
  return table.map(({ use, ...range }) => `${use} ${show(range)}`).join(", ") || "an empty partition table";
}

const show = ({ start, length }: Range) => `${exactly(length)} at ${exactly(start)}`;

// Not showBytes: two sizes that differ by little read the same in GiB.
const exactly = (bytes: number) => (bytes % MiB === 0 ? `${bytes / MiB} MiB` : `${bytes} bytes`);

/** The last look before the first byte, at all that will be written: a defect of ours must not cost what is kept. */
export function assertSpared({ kept, wipes }: WritePlan, regions: readonly Region[]): void {
  if (kept === undefined) return;
  const places = regions.map(({ at, range }) => ({ start: at + range.start, length: range.length }));
  const marked = { start: mark.at, length: mark.length };
  const hit = within([marked, ...wipes, ...places], kept)[0];
  if (hit !== undefined) {
    throw new Error(`bytes ${hit.start} to ${endOf(hit)} are to be kept and were about to be written`);
  }
}
