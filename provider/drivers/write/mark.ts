import type { Context } from "../../kernel/context.ts";
import type { Block } from "./blocks.ts";
import { firstSectors } from "./plan.ts";
import { io, QemuFailed } from "./qemu.ts";

/**
 * What lies in a disk's first sectors from the beginning of a write to its last step, which replaces it by a partition
 * table. A ramdisk proves its disk to be zero once, and goes on saying so while it announces: also to a helper that comes
 * after one which died in the middle of a write. Believed then, it would leave old data between new (facts: lab).
 */
export const mark = {
  name: "mark",
  at: 0,
  length: firstSectors,
  content: Buffer.concat(
    [Buffer.from("A write by pulumi-baremetal began here and has not ended.\n")],
    firstSectors,
  ),
} as const;

/** Whether a disk's first bytes are the mark: its first sector is enough, a write of several may be cut off between two. */
export const isMarked = (first: Buffer): boolean =>
  first.subarray(0, 512).equals(mark.content.subarray(0, 512));

const firstMiB = 2 ** 20;

/** How many bytes from the start of the disk can be taken for zero: what was proven, or none if something was written since. */
export async function stillZero(ctx: Context, disk: Block, provenZero: number): Promise<number> {
  if (provenZero < firstMiB) return 0;
  try {
    await io(ctx, disk, [`read -P 0 0 ${firstMiB}`], { readOnly: true });
    return provenZero;
  } catch (error) {
    if (!(error instanceof QemuFailed && /verification failed/.test(error.message))) throw error;
    ctx.log.warn(
      "the disk is no longer zero as its ramdisk had proven: an earlier write began; zeros are sent",
    );
    return 0;
  }
}
