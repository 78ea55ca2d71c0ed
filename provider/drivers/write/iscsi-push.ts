import { type Context, LimitReached, limited, within } from "../../kernel/context.ts";
import { showBytes } from "../../kernel/units.ts";
import { type Push, readBack, wipe, writeBodies, writeLast } from "./acts.ts";
import { type Block, diskBlock } from "./blocks.ts";
import {
  checkBoots,
  checkImage,
  checkLayout,
  checkPrograms,
  checkSector,
  checkTakesFiles,
  readHead,
  rootOf,
} from "./check.ts";
import type { Growth, WriteDriver, WriteJob, WriteTarget, Written } from "./driver.ts";
import { writeErrors } from "./errors.ts";
import { readStart, withFolder } from "./files.ts";
import { growthIn, growthOf, wipingEnd } from "./grow.ts";
import { injected } from "./inject.ts";
import { assertSpared, checkKept, keeping } from "./keep.ts";
import { bodies, bytesIn, type Look, pieces, regionOf } from "./pieces.ts";
import { firstSectors, planWrite, type WritePlan } from "./plan.ts";
import { info, QemuFailed } from "./qemu.ts";
import { endOf } from "./ranges.ts";
import { tableFor } from "./tables.ts";
import { checkTakesVolume, refuseOverlap, tableChanges, type WholeDisk } from "./volume.ts";

export interface IscsiPushSettings {
  /** Folder for small temporary files; with an ephemeral disk, also for its empty file system (sparse). */
  readonly scratch: string;
}

/**
 * The ramdisk exports its disk by iSCSI, and this host writes it, in userland, with qemu-img. The order makes an
 * interrupted write visible: a mark over the old table, old signatures away, then the image's body, flushed and read back,
 * and last what makes the disk bootable. Nothing is locked here: that no second writer reaches the disk is the workflow's part.
 */
export function iscsiPush({ scratch }: IscsiPushSettings): WriteDriver {
  return {
    ready: (ctx) => checkPrograms(ctx),
    check: async (ctx, image, { layout, volume = false, files = false, firmware } = {}) => {
      checkLayout(image, layout);
      await checkPrograms(ctx, layout, files);
      await checkImage(ctx, image);
      const head = await readHead(ctx, image, scratch);
      if (image.kind === "partition") return checkTakesFiles(rootOf(head, image), image, files);
      if (firmware) checkBoots(image, head, firmware);
      if (volume) checkTakesVolume(head, image.path);
    },
    write: (ctx, job) =>
      withFolder(scratch, (folder) => push(ctx, { job, folder, disk: diskBlock(job.target) })),
  };
}

async function push(ctx: Context, all: Push): Promise<Written> {
  const { verify } = all.job;
  const { root, growth, plan, regions, last } = await prepare(ctx, all);
  const lastRegions = last.map((piece) => regionOf(piece, all.folder));
  assertSpared(plan, [...regions, ...lastRegions]);
  const { provenZero, seconds } = await wipe(ctx, all, plan.wipes);
  const body = await writeBodies(ctx, { ...all, job: { ...all.job, provenZero } }, regions);
  const read = await readBack(ctx, all, { stage: "verifying", verify, regions });
  const finish = await writeLast(ctx, all, last);
  const reread = await readBack(ctx, all, { stage: "finishing", verify: "full", regions: lastRegions });
  return {
    bytesWritten: bytesIn([...regions, ...lastRegions]),
    verified: verify,
    ...(root === undefined ? {} : { rootUuid: root.uuid }),
    ...(growth === undefined ? {} : { growth }),
    seconds: { wipe: seconds, write: body + finish, verify: read + reread },
  };
}

/** Everything that can be found wrong before a byte is written. */
async function prepare(ctx: Context, all: Push) {
  try {
    return await limited(ctx, "10 minutes", "preparing the image", (ctx) => look(ctx, all));
  } catch (error) {
    if (!(error instanceof QemuFailed)) throw error;
    const { path } = all.job.image;
    throw writeErrors.make("WRITE_IMAGE_UNREADABLE", { path, reason: error.message }, { cause: error });
  }
}

async function look(ctx: Context, { job: asked, folder }: Push) {
  const { layout, target, files = [] } = asked;
  checkLayout(asked.image, layout, asked.sector);
  await checkImage(ctx, asked.image);
  const head = await readHead(ctx, asked.image, folder);
  const root = asked.image.kind === "partition" ? rootOf(head, asked.image) : undefined;
  if (root !== undefined) checkTakesFiles(root, asked.image, files.length > 0);
  const image = files.length > 0 ? await injected(ctx, asked.image, files, folder) : asked.image;
  const job = { ...asked, image };
  checkSector(job, head, root);
  const { size } = await open(ctx, target, info);
  const fresh = planWrite(image, layout, size);
  if (fresh.needs > size) {
    const [has, needs] = [showExactly(size), showExactly(fresh.needs)];
    throw writeErrors.make("WRITE_DISK_TOO_SMALL", { address: target.address, has, needs });
  }
  const kept = job.keepEphemeral === undefined ? fresh : keeping(fresh);
  const disk = { address: target.address, image: image.path, head, sector: job.sector ?? 512, disk: size };
  const placed =
    image.kind === "partition"
      ? besideImage(job, kept, disk)
      : await inTable(ctx, { job, folder }, kept, disk);
  const { plan, growth } = placed;
  if (plan.kept !== undefined) {
    const length = Math.max(firstSectors, ...[job.cut, layout].map((one) => tableFor(one ?? {}).head));
    const first = await open(ctx, target, (ctx, disk) => readStart(ctx, disk, length, folder));
    checkKept(job, plan, first);
  }
  const regions = await bodies(ctx, job, plan, folder);
  return { root, growth, plan, regions, last: await pieces(ctx, job, placed, folder) };
}

/** What was found out before the first byte, and which partition will have room for a larger file system. */
interface Placed extends Look {
  readonly growth: Growth | undefined;
}

/** A partition image with the place of its volume. WRITE_VOLUME_NO_ROOM. */
function besideImage({ volume, target, grow, layout }: WriteJob, plan: WritePlan, disk: WholeDisk): Placed {
  const growth = grow ? growthIn(plan, disk.head) : undefined;
  const more = { changes: [], growth, disk: disk.disk };
  if (volume === undefined) return { plan, ...more };
  const volumeAt = tableFor(layout ?? {}).placeAtEnd(disk.disk, disk.sector, volume.length);
  refuseOverlap(target, volumeAt, Math.max(0, ...plan.partitions.map(endOf)));
  return { plan: { ...plan, volumeAt }, ...more };
}

/** A whole-disk image with what changes in its table. WRITE_VOLUME_NO_ROOM, WRITE_VOLUME_NO_PLACE. */
async function inTable(
  ctx: Context,
  { job, folder }: Pick<Push, "job" | "folder">,
  plan: WritePlan,
  disk: WholeDisk,
): Promise<Placed> {
  const { image, volume, grow } = job;
  const growth = grow ? await growthOf(ctx, disk, { image, volume, folder }) : undefined;
  const changes = tableChanges(disk, { volume, root: growth });
  return { plan: growth === undefined ? plan : wipingEnd(plan, growth), changes, growth, disk: disk.disk };
}

// Two sizes that differ by little read the same in GiB.
const showExactly = (bytes: number): string => `${showBytes(bytes)} (${bytes} bytes)`;

/** Look at the disk. The first login may come before the target is quite up: five tries of at most 10 s. WRITE_NO_TARGET. */
async function open<T>(
  ctx: Context,
  target: WriteTarget,
  ask: (ctx: Context, disk: Block) => Promise<T>,
): Promise<T> {
  let reason = "";
  for (let n = 1; n <= 5; n++) {
    if (n > 1) await ctx.clock.sleep(1_000, ctx.signal);
    try {
      return await within(ctx, "10 seconds", (ctx) => ask(ctx, diskBlock(target)));
    } catch (error) {
      ctx.signal.throwIfAborted();
      if (!(error instanceof QemuFailed || error instanceof LimitReached)) throw error;
      reason = error.message;
    }
  }
  throw writeErrors.make("WRITE_NO_TARGET", { address: target.address, reason });
}
