import { createWriteStream } from "node:fs";
import { access, chmod, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Context } from "../kernel/context.ts";
import { bundleErrors } from "./errors.ts";
import { Manifest, manifestName, parts, thisHost } from "./manifest.ts";
import { bytesOf, type Entry, readEntries, sha256Of } from "./tar.ts";

/** Where a bundle's parts go. */
export interface Places {
  /** Gets `node_modules`; what an earlier bundle put there goes. */
  readonly program: string;
  /** The site's ramdisk cache. */
  readonly ramdisks: string;
}

interface Checked {
  readonly manifest: Manifest;
  readonly entries: ReadonlyMap<string, Entry>;
}

/**
 * Check all of a bundle, then unpack it. BUNDLE_UNREADABLE, BUNDLE_TAMPERED, BUNDLE_OTHER_VERSION, BUNDLE_OTHER_HOST: then
 * nothing was unpacked.
 */
export async function installBundle(
  ctx: Context,
  file: string,
  version: string,
  places: Places,
): Promise<Manifest> {
  ctx.report({ stage: "checking the bundle", note: file });
  const checked = await checkBundle(ctx, file, version);
  ctx.report({ stage: "unpacking the bundle" });
  await swapIn(ctx, file, checked, places.program);
  await addRamdisks(ctx, file, checked, places.ramdisks);
  return checked.manifest;
}

async function checkBundle(ctx: Context, file: string, version: string): Promise<Checked> {
  const tampered = (reason: string) => bundleErrors.make("BUNDLE_TAMPERED", { file, reason });
  const [first, ...rest] = await readEntries(file);
  const manifest = await readManifest(file, first);
  const { version: theirs, host } = manifest;
  if (theirs !== version) throw bundleErrors.make("BUNDLE_OTHER_VERSION", { file, theirs, ours: version });
  if (host !== thisHost())
    throw bundleErrors.make("BUNDLE_OTHER_HOST", { file, theirs: host, ours: thisHost() });
  const entries = new Map(rest.map((entry) => [entry.path, entry]));
  if (entries.size !== rest.length) throw tampered("a file is there twice");
  const listed = new Set(manifest.files.map(({ path }) => path));
  const extra = rest.find(({ path }) => !listed.has(path) || !isPart(path));
  if (extra) throw tampered(`${extra.path} is not in the list`);
  for (const { path, size, sha256 } of manifest.files) {
    ctx.signal.throwIfAborted();
    const entry = entries.get(path);
    if (!entry) throw tampered(`${path} is missing`);
    if (entry.size !== size || (await digestOf(file, entry)) !== sha256)
      throw tampered(`${path} has other bytes`);
  }
  return { manifest, entries };
}

const isPart = (path: string) => Object.values(parts).some((part) => path.startsWith(`${part}/`));

// An empty range is none that a stream can have.
const digestOf = async (file: string, entry: Entry) =>
  entry.size === 0 ? sha256Of((async function* () {})()) : sha256Of(bytesOf(file, entry));

async function readManifest(file: string, entry: Entry | undefined): Promise<Manifest> {
  const none = (cause?: unknown) =>
    bundleErrors.make("BUNDLE_UNREADABLE", { file, reason: "it does not begin with its list" }, { cause });
  if (entry?.path !== manifestName || entry.size === 0 || entry.size > 64 * 2 ** 20) throw none();
  try {
    return Manifest.parse(JSON.parse((await buffer(bytesOf(file, entry))).toString("utf8")));
  } catch (error) {
    throw none(error);
  }
}

/** Unpack beside, then change places: a program that runs from there keeps the files that it has open. */
async function swapIn(ctx: Context, file: string, checked: Checked, program: string): Promise<void> {
  await mkdir(program, { recursive: true });
  const draft = await mkdtemp(join(program, ".unpacking-"));
  const [now, old] = [join(program, parts.program), join(draft, "old")];
  try {
    await unpack(ctx, file, checked, parts.program, join(draft, "new"));
    if (await isThere(now)) await rename(now, old);
    await rename(join(draft, "new"), now);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** What is there already has the same content: its name is its digest. The indexes come last. */
async function addRamdisks(ctx: Context, file: string, checked: Checked, ramdisks: string): Promise<void> {
  await mkdir(ramdisks, { recursive: true });
  const draft = await mkdtemp(join(ramdisks, ".building-"));
  try {
    await unpack(ctx, file, checked, parts.ramdisk, draft);
    const names = (await readdir(draft)).toSorted((a, b) => Number(isIndex(a)) - Number(isIndex(b)));
    for (const name of names) {
      const target = join(ramdisks, name);
      if (isIndex(name) || !(await isThere(target))) await rename(join(draft, name), target);
    }
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

const isIndex = (name: string) => name.endsWith(".json");

async function unpack(
  ctx: Context,
  file: string,
  { manifest, entries }: Checked,
  part: string,
  to: string,
): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const { path, executable } of manifest.files.filter((one) => one.path.startsWith(`${part}/`))) {
    ctx.signal.throwIfAborted();
    const target = join(to, path.slice(part.length + 1));
    await mkdir(dirname(target), { recursive: true });
    const entry = entries.get(path) as Entry;
    await pipeline(entry.size === 0 ? [] : bytesOf(file, entry), createWriteStream(target));
    if (executable) await chmod(target, 0o755);
  }
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
