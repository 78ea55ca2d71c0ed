import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { type Block, part } from "./blocks.ts";
import { type Call, callsFor } from "./calls.ts";
import type { WriteJob } from "./driver.ts";
import { mark, stillZero } from "./mark.ts";
import type { Piece } from "./pieces.ts";
import { convert, io } from "./qemu.ts";
import { bytesOf, gaps, type Range } from "./ranges.ts";
import { runStage, type Stage } from "./stage.ts";
import { compare, type Region, toRead } from "./verify.ts";

/** One write: what is asked, the disk it goes to, and a folder of its own. */
export interface Push {
  readonly job: WriteJob;
  readonly disk: Block;
  readonly folder: string;
}

/**
 * The mark comes first: a write that is cut off must find it, or the old table, where an ephemeral partition is kept.
 * Then the zeros, which leave the mark where it is.
 */
export function wipeCommands(wipes: readonly Range[]): string[] {
  const marked = [{ start: mark.at, length: mark.length }];
  const zeros = wipes
    .flatMap((wipe) => gaps(marked, wipe))
    .map(({ start, length }) => `write -z ${start} ${length}`);
  return [`write -s ${mark.name} ${mark.at} ${mark.length}`, "flush", ...zeros, "flush"];
}

/** Mark the disk as being written, and zero what old signatures could lie in. How much is still proven zero, and the seconds. */
export async function wipe(ctx: Context, { job, disk, folder }: Push, wipes: readonly Range[]) {
  await writeFile(join(folder, mark.name), mark.content);
  let provenZero = 0;
  const seconds = await runStage(ctx, job, {
    stage: "wiping",
    total: bytesOf(wipes),
    body: async (ctx, onBytes) => {
      provenZero = await stillZero(ctx, disk, job.provenZero);
      await io(ctx, disk, wipeCommands(wipes), { cwd: folder, onBytes });
    },
  });
  return { provenZero, seconds };
}

/** Send the regions, one call after another: two at once would only make one disk seek. The seconds. */
export function writeBodies(ctx: Context, { job, disk }: Push, regions: readonly Region[]): Promise<number> {
  const calls = regions.flatMap((region) => callsFor(region, job.provenZero));
  return runStage(ctx, job, {
    stage: "writing",
    total: calls.reduce((sum, { weight }) => sum + weight, 0),
    body: async (ctx, moved) => {
      for (const call of calls) await writeCall(ctx, { disk, call, moved });
    },
  });
}

interface CallWork {
  readonly disk: Block;
  readonly call: Call;
  readonly moved: (bytes: number) => void;
}

async function writeCall(ctx: Context, { disk, call, moved }: CallWork): Promise<void> {
  const { region, range, zero, weight } = call;
  let told = 0;
  const onProgress = (share: number) => {
    if (share <= told) return;
    moved((share - told) * weight);
    told = share;
  };
  const to = part(disk, { start: region.at + range.start, length: range.length });
  await convert(ctx, part(region.source, range), to, { targetIsZero: zero, onProgress });
  onProgress(1);
}

/**
 * Write the pieces in their order, each flushed before the next. The seconds. The body's flush is asked again first:
 * qemu-img ignores one that fails while it closes, qemu-io ends with an error.
 */
export function writeLast(
  ctx: Context,
  { job, disk, folder }: Push,
  pieces: readonly Piece[],
): Promise<number> {
  return runStage(ctx, job, {
    stage: "finishing",
    total: pieces.reduce((sum, { length }) => sum + length, 0),
    body: async (ctx, onBytes) => {
      const writes = pieces.flatMap(({ name, at, length }) => [`write -s ${name} ${at} ${length}`, "flush"]);
      await io(ctx, disk, ["flush", ...writes], { cwd: folder, onBytes });
    },
  });
}

export interface ReadBack {
  readonly stage: Stage;
  readonly verify: "full" | "sampled";
  readonly regions: readonly Region[];
}

/** Read back and compare with the source. The seconds. */
export function readBack(
  ctx: Context,
  { job, disk }: Push,
  { stage, verify, regions }: ReadBack,
): Promise<number> {
  const all = regions.map((region) => ({ region, reads: toRead(region, verify) }));
  return runStage(ctx, job, {
    stage,
    total: bytesOf(all.flatMap(({ reads }) => reads)),
    body: async (ctx, moved) => {
      for (const { region, reads } of all) await compare(ctx, disk, { region, reads, moved });
    },
  });
}
