import { mkdir, open, readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { until } from "../../kernel/context.ts";

const heartbeat = 5_000;
const abandoned = 30_000;
const leftOver = 3_600_000;

/**
 * Do `body` while no other process of this host does the same. The lock is a file that its holder touches every five
 * seconds; one whose holder is dead, or silent for thirty seconds, is taken over. Two holders at once are therefore
 * possible after a long pause: `body` has to be harmless when done twice.
 */
export async function alone<T>(ctx: Context, lock: string, body: () => Promise<T>): Promise<T> {
  await mkdir(dirname(lock), { recursive: true });
  await until(ctx, "200 ms", () => acquire(lock));
  const beat = setInterval(() => {
    const now = new Date();
    utimes(lock, now, now).catch(() => {});
  }, heartbeat);
  beat.unref();
  try {
    return await body();
  } finally {
    clearInterval(beat);
    await rm(lock, { force: true });
  }
}

async function acquire(lock: string): Promise<boolean> {
  try {
    const file = await open(lock, "wx");
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  if (await isAbandoned(lock)) await rm(lock, { force: true });
  return false;
}

async function isAbandoned(lock: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(lock);
    const age = Date.now() - mtimeMs;
    const holder = Number(await readFile(lock, "utf8"));
    // An empty file was made a moment ago and does not name its holder yet.
    return age > abandoned || (holder > 0 && !isAlive(holder));
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Take away the working folders (`.NAME-…`) that builders who were killed left in `folder` more than an hour ago. */
export async function sweep(folder: string, name: string): Promise<void> {
  for (const entry of await readdir(folder).catch(() => [])) {
    if (!entry.startsWith(`.${name}-`)) continue;
    const path = join(folder, entry);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > leftOver) await rm(path, { recursive: true, force: true });
  }
}
