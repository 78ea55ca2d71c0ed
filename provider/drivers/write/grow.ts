import type { Context } from "../../kernel/context.ts";
import { imageBlock } from "./blocks.ts";
import type { GrowingFileSystem, Growth, SourceImage } from "./driver.ts";
import { readRange } from "./files.ts";
import { decodeGpt, gptPartitions, usable } from "./gpt.ts";
import { rootFileSystem } from "./head.ts";
import { decodeMbr } from "./mbr.ts";
import type { WritePlan } from "./plan.ts";
import { endOf, merged, type Range } from "./ranges.ts";
import { placeOf, type WholeDisk } from "./volume.ts";

const MiB = 2 ** 20;
/** A file system that is smaller than its partition by less is as large as it can be. */
const least = MiB;

/** What a root may be by its type: "Linux filesystem data", and the roots of the Discoverable Partitions Specification. */
const rootGuids = [
  "0fc63daf-8483-4772-8e79-3d69d8477de4",
  "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
  "b921b045-1df0-41c3-af44-4c6f280d3fae",
];
const linuxType = 0x83;

const growing = (type: string): type is GrowingFileSystem => type === "ext" || type === "xfs";

/** How the file system of a partition image fills its partition; undefined where it does, or where we know none that grows. */
export function growthIn({ partitions }: WritePlan, head: Buffer): Growth | undefined {
  const root = partitions.find(({ role }) => role === "root");
  return root === undefined ? undefined : filling(root, head);
}

function filling({ start, length }: Range, head: Buffer): Growth | undefined {
  const found = rootFileSystem(head);
  if (found === undefined || !growing(found.type) || length - found.size < least) return undefined;
  return { start, length, fileSystem: found.type };
}

/**
 * How the root of a whole-disk image fills the disk, up to a volume at its end. It is the partition that lies last, if it is the
 * largest, too, of a type that a root has, and holds a file system that grows; what a table means beyond that nobody can tell.
 */
export async function growthOf(
  ctx: Context,
  whole: WholeDisk,
  { image, volume, folder }: { image: SourceImage; volume: Buffer | undefined; folder: string },
): Promise<Growth | undefined> {
  const root = rootIn(whole);
  if (root === undefined || endOf(root) > image.virtualSize) return undefined;
  const start = await readRange(
    ctx,
    imageBlock(image),
    { start: root.start, length: Math.min(root.length, 4096) },
    folder,
  );
  return filling({ start: root.start, length: endFor(whole, root, volume) - root.start }, start);
}

/** The partition that is the root, by the table alone. */
export function rootIn({ head, sector }: Pick<WholeDisk, "head" | "sector">): Range | undefined {
  const all = partitionsOf(head, sector);
  const last = all.find((one) => all.every((other) => endOf(other) <= endOf(one)));
  const largest = Math.max(...all.map(({ length }) => length));
  return last?.linux && last.length === largest ? last : undefined;
}

function partitionsOf(head: Buffer, sector: number): readonly (Range & { readonly linux: boolean })[] {
  const gpt = decodeGpt(head, sector);
  if (gpt !== undefined) {
    return gptPartitions(gpt).map(({ type, ...range }) => ({ ...range, linux: rootGuids.includes(type) }));
  }
  const mbr = decodeMbr(head, sector)?.partitions ?? [];
  return mbr.map(({ start, size, type }) => ({ start, length: size, linux: type === linuxType }));
}

/** Where the root may end: on a whole MiB, before the volume or what the table can say, never before it ends now. */
function endFor(whole: WholeDisk, root: Range, volume: Buffer | undefined): number {
  const { head, sector, disk } = whole;
  const gpt = decodeGpt(head, sector);
  const limit = gpt === undefined ? Math.min(disk, 2 ** 32 * sector - MiB) : endOf(usable(gpt, disk));
  const end = volume === undefined ? limit : placeOf(whole, volume.length).start;
  return Math.max(endOf(root), Math.floor(end / MiB) * MiB);
}

/** The plan that also wipes where the root will end: an old signature there would be taken for the partition's. */
export function wipingEnd(plan: WritePlan, growth: Growth): WritePlan {
  const tail = { start: endOf(growth) - MiB, length: MiB };
  return { ...plan, wipes: merged([...plan.wipes, tail].toSorted((a, b) => a.start - b.start)) };
}
