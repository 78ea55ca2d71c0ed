import { randomBytes } from "node:crypto";
import {
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  rmdir,
  stat,
  unlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { type Context, until } from "../../kernel/context.ts";

/**
 * A lock between callers of one process and of several: a folder that holds one file, named by its owner's token.
 * Taking it is the rename of a prepared folder onto it, which succeeds only while it is absent or empty; breaking a dead
 * owner's lock is the removal of exactly that owner's file. So neither can hit a lock that somebody else took meanwhile.
 */
export interface Lock {
  /** Aborted when the lock was lost: another took it because this process did not show a sign of life. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

interface Owner {
  readonly pid: number;
  /** Start of the process, so that a reused pid is not taken for it. */
  readonly started: string;
  /** Where the pid means something: host, boot and pid namespace. */
  readonly realm: string;
}

const beat = 10_000;
const staleAfter = 60_000;

/** Take the lock if it is free, or if its owner is dead; undefined when it is held. */
export async function tryLock(path: string): Promise<Lock | undefined> {
  if (!(await isFree(path))) return undefined;
  const token = randomBytes(8).toString("hex");
  const draft = `${path}.${token}`;
  await mkdir(dirname(path), { recursive: true });
  await mkdir(draft);
  try {
    await writeFile(join(draft, token), JSON.stringify(await ourselves()));
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (isCode(error, "ENOTEMPTY", "EEXIST")) return undefined;
    throw error;
  }
  return held(path, token);
}

/** Wait for the lock; `onWait` is called before each further look. The caller's context sets the limit. */
export async function waitLock(ctx: Context, path: string, onWait: () => Promise<void>): Promise<Lock> {
  return until(ctx, "150 ms", async () => {
    const lock = await tryLock(path);
    if (lock === undefined) await onWait();
    return lock;
  });
}

function held(path: string, token: string): Lock {
  const own = new AbortController();
  const timer = setInterval(() => {
    const now = new Date();
    utimes(join(path, token), now, now).catch((error) => {
      if (isCode(error, "ENOENT")) own.abort(new Error("the lock was taken over"));
    });
  }, beat);
  timer.unref();
  return {
    lost: own.signal,
    async release() {
      clearInterval(timer);
      await unlink(join(path, token)).catch(() => {});
      // Not empty = somebody else has it already.
      await rmdir(path).catch(() => {});
    },
  };
}

async function isFree(path: string): Promise<boolean> {
  const tokens = await readdir(path).catch(() => []);
  for (const token of tokens) {
    const file = join(path, token);
    const [content, seen] = await Promise.all([
      readFile(file, "utf8").catch(() => undefined),
      stat(file).catch(() => undefined),
    ]);
    if (content === undefined || seen === undefined) continue;
    if (await isAlive(content, Date.now() - seen.mtimeMs)) return false;
    await unlink(file).catch(() => {});
  }
  return true;
}

/** A pid of this realm is asked; elsewhere (another container, another host) only the sign of life counts. */
async function isAlive(content: string, age: number): Promise<boolean> {
  const owner = parse(content);
  if (owner?.realm === (await realm())) return (await startOf(owner.pid)) === owner.started;
  return age < staleAfter;
}

function parse(content: string): Owner | undefined {
  try {
    return JSON.parse(content) as Owner;
  } catch {
    return undefined;
  }
}

async function ourselves(): Promise<Owner> {
  return { pid: process.pid, started: await startOf(process.pid), realm: await realm() };
}

async function realm(): Promise<string> {
  const boot = await bootId();
  const space = await readlink("/proc/self/ns/pid").catch(() => "");
  // Without /proc nothing can be asked of a pid: a realm nobody shares leaves the sign of life.
  return space === "" ? randomBytes(8).toString("hex") : `${hostname()} ${boot} ${space}`;
}

/** Names the running of this host since it was switched on; empty where it has no such name. */
export async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "")).trim();
}

/** Field 22 of /proc/PID/stat (proc(5)), counted behind the name, which may hold blanks; empty = not running. */
async function startOf(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const [state, ...rest] = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return state === "Z" ? "" : (rest[18] ?? "");
}

/** Whether a file system call failed with one of these codes. */
export function isCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
