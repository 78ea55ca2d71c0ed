import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Context } from "../../kernel/context.ts";
import { inspectErrors } from "./errors.ts";
import type { ExtTree } from "./ext.ts";
import { findRoot, treeOf, type Work } from "./look.ts";
import { systemIn } from "./system.ts";

/** A file that was taken out of an image. */
export interface Taken {
  readonly path: string;
  /** `sha256:…` */
  readonly checksum: string;
  /** Its name in the image's /boot. */
  readonly from: string;
}

/** Take the newest kernel and its ramdisk out of an image's root. INSPECT_NO_ROOT, INSPECT_NO_KERNEL. */
export async function takeKernel(
  ctx: Context,
  work: Work,
  to: string,
): Promise<{ readonly kernel: Taken; readonly ramdisk: Taken }> {
  const found = await findRoot(ctx, work);
  const tree = found && (await treeOf(ctx, work, found));
  if (found === undefined || tree === undefined) {
    const reason = found ? `it holds ${found.root.type}` : "no file system is known in it";
    throw inspectErrors.make("INSPECT_NO_ROOT", { source: work.shown, reason });
  }
  const { kernels } = await systemIn(tree);
  const newest = kernels.find(({ ramdisk }) => ramdisk !== undefined) ?? kernels[0];
  if (newest?.ramdisk === undefined) {
    const missing = newest ? `no ramdisk for the kernel ${newest.kernel}` : "no kernel";
    throw inspectErrors.make("INSPECT_NO_KERNEL", { source: work.shown, missing });
  }
  await mkdir(to, { recursive: true });
  const name = basename(work.shown).replace(/(\.(qcow2|raw|img|ext4|gz|xz|zst))+$/i, "");
  const take = (from: string, kind: string) => takeFile(tree, work, from, join(to, `${name}.${kind}`));
  return { kernel: await take(newest.kernel, "vmlinuz"), ramdisk: await take(newest.ramdisk, "initrd") };
}

async function takeFile(tree: ExtTree, { folder, shown }: Work, from: string, path: string): Promise<Taken> {
  if (!(await tree.copy(`/boot/${from}`, "taken"))) {
    throw inspectErrors.make("INSPECT_NO_ROOT", { source: shown, reason: `/boot/${from} cannot be read` });
  }
  const hash = createHash("sha256");
  await copyFile(join(folder, "taken"), path);
  await pipeline(createReadStream(path), hash);
  return { path, checksum: `sha256:${hash.digest("hex")}`, from };
}
