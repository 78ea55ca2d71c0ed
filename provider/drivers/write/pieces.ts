import { randomInt, randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { imageBlock } from "./blocks.ts";
import type { WriteJob } from "./driver.ts";
import { extract, makeEphemeral } from "./files.ts";
import { encodeMbr } from "./mbr.ts";
import { firstSectors, type Partition, tableOf, type WritePlan } from "./plan.ts";
import { dataRanges } from "./qemu.ts";
import { bytesOf, within } from "./ranges.ts";
import { encodeSwap } from "./swap.ts";
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

/** The image's body and, where the layout has one that is not kept, an empty ephemeral file system. */
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
  const ephemeral = plan.partitions.find(({ role }) => role === "ephemeral");
  return ephemeral === undefined || plan.kept !== undefined
    ? [image]
    : [image, await ephemeralBody(ctx, ephemeral, folder)];
}

async function ephemeralBody(ctx: Context, { start, length }: Partition, folder: string): Promise<Region> {
  const path = join(folder, "ephemeral");
  await makeEphemeral(ctx, path, length);
  const source = imageBlock({ path, format: "raw" });
  return { source, range: { start: 0, length }, at: start, data: await dataRanges(ctx, source, length, gap) };
}

/** What is written last: the image's own first sectors, or our swap header and partition table. */
export async function pieces(ctx: Context, job: WriteJob, plan: WritePlan, folder: string): Promise<Piece[]> {
  if (job.image.kind === "partition") return await ownPieces(job, plan, folder);
  const result: Piece[] = [];
  for (const range of plan.held) {
    const name = `held-${result.length}`;
    await extract(ctx, imageBlock(job.image), range, join(folder, name));
    result.push({ name, at: plan.imageAt + range.start, length: range.length });
  }
  return result;
}

async function ownPieces({ sector }: WriteJob, { partitions }: WritePlan, folder: string): Promise<Piece[]> {
  const result: Piece[] = [];
  const put = async (name: string, at: number, content: Buffer) => {
    await writeFile(join(folder, name), content);
    result.push({ name, at, length: content.length });
  };
  const swap = partitions.find(({ role }) => role === "swap");
  if (swap !== undefined) {
    const header = encodeSwap({ size: swap.length, uuid: randomUUID(), label: "swap1" });
    await put("swap", swap.start, header);
  }
  const table = { signature: randomInt(1, 2 ** 32), partitions: tableOf(partitions) };
  const first = Buffer.alloc(firstSectors);
  first.set(encodeMbr(table, sector));
  await put("table", 0, first);
  return result;
}

/** A piece as something that can be read back. */
export function regionOf({ name, at, length }: Piece, folder: string): Region {
  const range = { start: 0, length };
  return { source: imageBlock({ path: join(folder, name), format: "raw" }), range, at, data: [range] };
}

/** How many bytes of data regions hold. */
export const bytesIn = (regions: readonly Region[]): number =>
  regions.reduce((sum, { data, range }) => sum + bytesOf(within(data, range)), 0);
