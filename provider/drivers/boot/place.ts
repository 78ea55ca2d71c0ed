import { randomBytes } from "node:crypto";
import { constants, copyFile, link, mkdir, open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../../kernel/context.ts";

/**
 * Put a file where it is served, by a second name for it where that can be (no bytes are copied, and all deployments
 * share one deploy ramdisk), else by a copy. A reader sees the old or the new one, whole. Throws what the system says.
 */
export async function place(ctx: Context, source: string, target: string): Promise<void> {
  ctx.signal.throwIfAborted();
  // The cache may keep a link; a second name for the link itself would serve a path that another root does not know.
  const real = await realpath(source);
  if (await same(real, target)) return;
  await mkdir(dirname(target), { recursive: true });
  const draft = join(dirname(target), `.${randomBytes(6).toString("hex")}.tmp`);
  try {
    if (!(await linked(real, draft))) await copied(real, draft);
    ctx.signal.throwIfAborted();
    await rename(draft, target);
  } finally {
    // Also after success: rename leaves both names when they are names of one file already.
    await rm(draft, { force: true });
  }
}

async function same(source: string, target: string): Promise<boolean> {
  const [from, to] = await Promise.all([stat(source), stat(target).catch(() => undefined)]);
  return to !== undefined && from.dev === to.dev && from.ino === to.ino;
}

async function linked(source: string, draft: string): Promise<boolean> {
  // TFTP servers that run as root serve only what everybody may read, and a link cannot have rights of its own.
  if (((await stat(source)).mode & 0o004) === 0) return false;
  try {
    await link(source, draft);
    return true;
  } catch (error) {
    // Another file system, one without links, somebody else's file (protected_hardlinks), or too many names already.
    if (["EXDEV", "EPERM", "EACCES", "EMLINK", "ENOTSUP", "ENOSYS"].includes(codeOf(error))) return false;
    throw error;
  }
}

async function copied(source: string, draft: string): Promise<void> {
  await copyFile(source, draft, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  const file = await open(draft, "r+");
  try {
    await file.chmod(0o644);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The system's word for a failure: `ENOENT`; empty for an error that has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
