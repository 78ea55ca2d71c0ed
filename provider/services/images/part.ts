import { createHash, type Hash } from "node:crypto";
import { readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { writeAtomically } from "../../kernel/files.ts";
import { toBytes } from "../../kernel/units.ts";
import { bootId } from "./lock.ts";
import { pieces } from "./pieces.ts";
import { openSink, type SparseSink } from "./sink.ts";
import type { Algorithm } from "./source.ts";
import { rangeValidator, type Validators } from "./validators.ts";

/** Kept beside a half-fetched file: what it is a part of. */
interface PartRecord extends Validators {
  readonly key: string;
  readonly boot: string;
}

/** A transfer under way: the file, its hash so far, and what it is a part of. */
export interface Part {
  readonly path: string;
  readonly sink: SparseSink;
  hash: Hash;
  record: PartRecord | undefined;
  /** Up to where the server let us go on: what is behind it may have to be sent again. */
  secured: number;
  /** Throw away what there is; what comes next is described by these validators, if given. */
  restart(validators?: Validators): Promise<void>;
}

export interface PartOptions {
  readonly folder: string;
  /** Names the address, secrets in it unreadable. */
  readonly key: string;
  readonly algorithm: Algorithm;
  /** The bytes will be held against a declared digest, whatever the server says of them. */
  readonly isDeclared: boolean;
  /** Called now and then while much is written; may throw. */
  readonly watch: () => Promise<void>;
}

/** Open the part in a folder where it can be gone on with, or a new one. */
export async function openPart(ctx: Context, options: PartOptions): Promise<Part> {
  const { folder, key, algorithm, isDeclared, watch } = options;
  const path = join(folder, "part");
  const record = await readRecord(folder);
  // After a power cut the file may have its length without its bytes: only a declared digest would notice.
  const isTrusted = isDeclared || (record?.boot !== "" && record?.boot === (await bootId()));
  const isUsable = record?.key === key && isTrusted && rangeValidator(record) !== undefined;
  const position = isUsable ? await lengthOf(path) : 0;
  const hash = createHash(algorithm);
  if (position > 0) {
    for await (const chunk of pieces(ctx.signal, path)) hash.update(chunk);
  }
  const sink = await openSink(path, position, watch);
  const part: Part = {
    path,
    sink,
    hash,
    record: position > 0 ? record : undefined,
    secured: 0,
    async restart(validators) {
      await sink.restart();
      part.hash = createHash(algorithm);
      part.record = validators && { ...validators, key, boot: await bootId() };
      if (part.record) await writeAtomically(join(folder, "part.json"), JSON.stringify(part.record));
      else await rm(join(folder, "part.json"), { force: true });
    },
  };
  return part;
}

/** Whether what lies in a folder can be gone on with, and is long enough to be worth it. */
export async function isWorthKeeping(folder: string, keepPart: string): Promise<boolean> {
  const [record, length] = await Promise.all([readRecord(folder), lengthOf(join(folder, "part"))]);
  return record !== undefined && rangeValidator(record) !== undefined && length >= toBytes(keepPart);
}

/** How far somebody else's fetch is, 0-100, as its folder shows it. */
export async function partPercent(folder: string): Promise<number | undefined> {
  const [record, length] = await Promise.all([readRecord(folder), lengthOf(join(folder, "part"))]);
  return record?.length ? Math.min(100, Math.floor((length / record.length) * 100)) : undefined;
}

async function readRecord(folder: string): Promise<PartRecord | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, "part.json"), "utf8")) as PartRecord;
  } catch {
    return undefined;
  }
}

async function lengthOf(path: string): Promise<number> {
  const seen = await stat(path).catch(() => undefined);
  return seen?.size ?? 0;
}
