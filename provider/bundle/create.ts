import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Context } from "../kernel/context.ts";
import { type Manifest, manifestName, parts, thisHost } from "./manifest.ts";
import { archiveEnd, encodeHead, padding, sha256Of } from "./tar.ts";
import { filesOf, packageTree, type SourceFile } from "./tree.ts";

/** What goes into a bundle. */
export interface BundleParts {
  /** The folder of this package. */
  readonly root: string;
  readonly version: string;
  /** Files and folders of the ramdisk cache, by their names there. */
  readonly cacheDir: string;
  readonly cached: readonly string[];
  readonly packages: Manifest["packages"];
}

/** What was made. */
export interface MadeBundle {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly files: number;
}

/** Write a bundle: the same bytes each time, for the same parts. It is there when it is whole. */
export async function createBundle(ctx: Context, file: string, given: BundleParts): Promise<MadeBundle> {
  const { version, packages } = given;
  ctx.report({ stage: "making the list", note: "a digest of each file" });
  const sources = await sourcesOf(given);
  const files: Manifest["files"][number][] = [];
  for (const { path, from } of sources) {
    ctx.signal.throwIfAborted();
    const [{ size, mode }, sha256] = [await stat(from), await sha256Of(createReadStream(from))];
    files.push({ path, size, sha256, executable: (mode & 0o100) !== 0 });
  }
  const manifest: Manifest = { format: 1, version, host: thisHost(), packages: [...packages], files };
  ctx.report({ stage: "writing the bundle", note: `${files.length} files` });
  const draft = join(dirname(file), `.${basename(file)}.${process.pid}`);
  try {
    const made = await write(ctx, draft, manifest, sources);
    await rename(draft, file);
    return { file, ...made, files: files.length };
  } finally {
    await rm(draft, { force: true });
  }
}

async function sourcesOf({ root, cacheDir, cached }: BundleParts): Promise<readonly SourceFile[]> {
  const ramdisks = await Promise.all(
    cached.map((name) => filesOf(join(cacheDir, name), `${parts.ramdisk}/${name}`)),
  );
  const all = [...(await packageTree(root)), ...ramdisks.flat()];
  return all.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

async function write(ctx: Context, draft: string, manifest: Manifest, sources: readonly SourceFile[]) {
  const hash = createHash("sha256");
  const out = await open(draft, "w");
  let bytes = 0;
  const put = async (piece: Buffer) => {
    hash.update(piece);
    bytes += piece.length;
    await out.writeFile(piece);
  };
  try {
    const list = Buffer.from(`${JSON.stringify(manifest, null, 1)}\n`);
    for (const piece of [encodeHead(manifestName, list.length, false), list, padding(list.length)])
      await put(piece);
    for (const [index, { from }] of sources.entries()) {
      ctx.signal.throwIfAborted();
      const { path, size, executable } = manifest.files[index] as Manifest["files"][number];
      await put(encodeHead(path, size, executable));
      for await (const piece of createReadStream(from)) await put(piece as Buffer);
      await put(padding(size));
    }
    await put(archiveEnd());
    await out.sync();
  } finally {
    await out.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}
