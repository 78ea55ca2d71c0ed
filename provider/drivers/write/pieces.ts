import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { imageBlock } from "./blocks.ts";
import type { WriteJob } from "./driver.ts";
import { makeEfiSystem, makeEphemeral, readRange } from "./files.ts";
import type { Patch } from "./gpt.ts";
import { overlaid } from "./overlay.ts";
import { entriesOf, firstSectors, type Partition, type WritePlan } from "./plan.ts";
import { dataRanges } from "./qemu.ts";
import { bytesOf, within } from "./ranges.ts";
import { encodeSwap } from "./swap.ts";
import { tableFor } from "./tables.ts";
import type { Region } from "./verify.ts";

/** Stretches closer than this are read back as one: a command more costs as much as reading the zeros between. */
const gap = 256 * 1024;

/** A small file that is written after the image, in the order given: what makes the disk bootable comes last. */
export interface Piece {
  /** In the job's folder; no blanks. */
  readonly name: string;
  /** Where on the disk. */
  readonly at: number;
  readonly length: number;
}

/** What was found out before the first byte. */
export interface Look {
  readonly plan: WritePlan;
  /** What is laid over a whole-disk image. */
  readonly changes: readonly Patch[];
  /** Bytes that the disk has. */
  readonly disk: number;
}

/** The image's body and the empty file systems that the layout has beside it, without one that is kept. */
export async function bodies(
  ctx: Context,
  job: WriteJob,
  plan: WritePlan,
  folder: string,
): Promise<Region[]> {
  const source = imageBlock(job.image);
  const end = plan.body.start + plan.body.length;
  const data = await dataRanges(ctx, source, end, gap);
  const image: Region = { source, range: plan.body, at: plan.imageAt, data };
  const empty = plan.partitions.filter(
    ({ role }) => role === "efi" || (role === "ephemeral" && plan.kept === undefined),
  );
  const bodies = [image];
  for (const partition of empty)
    bodies.push(await emptyBody(ctx, partition, { folder, sector: job.sector ?? 512 }));
  return bodies;
}

async function emptyBody(
  ctx: Context,
  { role, start, length }: Partition,
  { folder, sector }: { readonly folder: string; readonly sector: number },
): Promise<Region> {
  const path = join(folder, role);
  if (role === "efi") await makeEfiSystem(ctx, path, length, sector);
  else await makeEphemeral(ctx, path, length);
  const source = imageBlock({ path, format: "raw" });
  return { source, range: { start: 0, length }, at: start, data: await dataRanges(ctx, source, length, gap) };
}

/** What is written last: a volume, and the image's own first sectors, or our swap header and partition table. */
export async function pieces(
  ctx: Context,
  job: WriteJob,
  { plan, changes, disk }: Look,
  folder: string,
): Promise<Piece[]> {
  const last =
    job.image.kind === "partition"
      ? ownPatches(job, plan, disk)
      : overlaid(await heldPatches(ctx, job, plan, folder), changes);
  return await Promise.all(
    last.map(async ({ at, bytes }, n) => {
      const name = `last-${n}`;
      // A volume may hold secrets.
      await writeFile(join(folder, name), bytes, { mode: 0o600 });
      return { name, at, length: bytes.length };
    }),
  );
}

async function heldPatches(ctx: Context, { image }: WriteJob, { held, imageAt }: WritePlan, folder: string) {
  const patches: Patch[] = [];
  for (const range of held) {
    const bytes = await readRange(ctx, imageBlock(image), range, folder);
    patches.push({ at: imageAt + range.start, bytes });
  }
  return patches;
}

function ownPatches(
  { sector = 512, volume, layout }: WriteJob,
  { partitions, volumeAt }: WritePlan,
  disk: number,
): readonly Patch[] {
  const swap = partitions.find(({ role }) => role === "swap");
  const header = swap && encodeSwap({ size: swap.length, uuid: randomUUID(), label: "swap1" });
  const own = volumeAt === undefined ? [] : [{ ...volumeAt, use: "FAT" }];
  const entries = [...entriesOf(partitions), ...own];
  const { head, beside } = tableFor(layout ?? {}).encode(entries, disk, sector);
  // The disk's first sectors say that a write began, until everything else is there.
  const first = Buffer.concat([head.subarray(0, firstSectors)], firstSectors);
  const rest = head.subarray(firstSectors);
  return [
    ...(swap && header ? [{ at: swap.start, bytes: header }] : []),
    ...(volume && volumeAt ? [{ at: volumeAt.start, bytes: volume }] : []),
    ...beside,
    ...(rest.length > 0 ? [{ at: firstSectors, bytes: rest }] : []),
    { at: 0, bytes: first },
  ];
}

/** A piece as something that can be read back. */
export function regionOf({ name, at, length }: Piece, folder: string): Region {
  const range = { start: 0, length };
  return { source: imageBlock({ path: join(folder, name), format: "raw" }), range, at, data: [range] };
}

/** How many bytes of data regions hold. */
export const bytesIn = (regions: readonly Region[]): number =>
  regions.reduce((sum, { data, range }) => sum + bytesOf(within(data, range)), 0);
