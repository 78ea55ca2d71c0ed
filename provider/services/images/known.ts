import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { writeAtomically } from "../../kernel/files.ts";
import { hashFile, isSameStamp, type Stamp, stampOf } from "./copy.ts";
import type { Algorithm, Parsed } from "./source.ts";
import type { Resolved } from "./types.ts";
import type { Validators } from "./validators.ts";

/** What was learned of a location: as long as it looks the same, its content need not be read again. */
interface KnownFile {
  readonly stamp: Stamp;
  readonly digests: Readonly<Partial<Record<Algorithm, string>>>;
}
interface KnownWeb {
  /** When it was fetched, milliseconds since the epoch. */
  readonly at: number;
  readonly validators: Validators;
  readonly resolved: Resolved;
}

// One file for each location, so that two processes never write the same list.
const fileOf = (dir: string, key: string) => join(dir, "known", `${key}.json`);

// Two writes within one tick of the kernel's clock leave the same time stamp: what is that young is not remembered.
const settled = 50;

/** The digest of a local file, read only if the file changed since it was read last. */
export async function knownDigest(ctx: Context, dir: string, parsed: Parsed, path: string): Promise<string> {
  const { key, algorithm } = parsed;
  const stamp = await stampOf(path);
  const known = await read<KnownFile>(fileOf(dir, key));
  const digests = known && isSameStamp(known.stamp, stamp) ? known.digests : {};
  const have = digests[algorithm];
  if (have !== undefined) return have;
  const begun = Date.now();
  const digest = await hashFile(ctx, path, algorithm);
  const after = await stampOf(path);
  if (isSameStamp(stamp, after) && begun - Number(BigInt(stamp.changed) / 1_000_000n) > settled) {
    const record: KnownFile = { stamp, digests: { ...digests, [algorithm]: digest } };
    await writeAtomically(fileOf(dir, key), JSON.stringify(record));
  }
  return digest;
}

/** What is remembered of a web address without checksum. */
export async function knownWeb(dir: string, key: string): Promise<KnownWeb | undefined> {
  const known = await read<KnownWeb>(fileOf(dir, key));
  return known?.validators && known.resolved ? known : undefined;
}

/** Remember what a web address held. */
export async function rememberWeb(dir: string, key: string, known: KnownWeb): Promise<void> {
  await writeAtomically(fileOf(dir, key), JSON.stringify(known));
}

async function read<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}
