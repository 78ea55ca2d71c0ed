import type { Context } from "../../kernel/context.ts";
import { type Finished, run } from "../../kernel/process.ts";
import { type Block, blockOptions } from "./blocks.ts";
import { merged, type Range } from "./ranges.ts";

/** Why a QEMU program did not do what it was asked, in its own words. */
export class QemuFailed extends Error {
  override readonly name = "QemuFailed";
}

/** What `qemu-img info` tells that matters here. */
export interface ImageInfo {
  /** Bytes. */
  readonly size: number;
  readonly format: string;
  /** It needs another file beside itself. */
  readonly leans: boolean;
  readonly encrypted: boolean;
}

// QEMU quotes the options it was given; the words after them are the reason. qemu-io's statistics are none.
function reasonOf({ stderr, stdout, code }: Finished): string {
  const lines = `${stdout}\n${stderr}`
    .split(/[\r\n]+/)
    .filter((line) => line.trim() !== "" && !/^(?:read|wrote) \d|ops\/sec\)$|\/100%\)$/.test(line));
  const last = lines.at(-1) ?? `it ended with ${code ?? "a signal"}`;
  return last
    .replace(/^qemu-\w+: /, "")
    .replace(/Could not open '.*': /, "")
    .trim();
}

async function demand(finished: Promise<Finished>): Promise<Finished> {
  const result = await finished;
  if (result.code !== 0) throw new QemuFailed(reasonOf(result));
  return result;
}

/** Size and format of a block. Throws QemuFailed. */
export async function info(ctx: Context, block: Block): Promise<ImageInfo> {
  const args = ["info", "--output=json", "--image-opts", blockOptions(block)];
  const { stdout } = await demand(run(ctx, "qemu-img", args));
  const told = JSON.parse(stdout) as Record<string, unknown>;
  const specific = (told["format-specific"] as { data?: Record<string, unknown> } | undefined)?.data ?? {};
  return {
    size: Number(told["virtual-size"]),
    format: String(told["format"]),
    leans: told["backing-filename"] !== undefined || specific["data-file"] !== undefined,
    encrypted: told["encrypted"] === true,
  };
}

/** Whether a qcow2 file's tables agree with what lies in the file; leaked clusters harm nobody. Throws QemuFailed. */
export async function checkTables(ctx: Context, block: Block): Promise<void> {
  const result = await run(ctx, "qemu-img", ["check", "--image-opts", blockOptions(block)]);
  if (result.code !== 0 && result.code !== 3)
    throw new QemuFailed("its tables are damaged or it is truncated");
}

// A fragmented image has an extent for each 64 KiB: so much of it is about 8 MB of JSON.
const mapWindow = 4 * 2 ** 30;

/** The stretches of an image that hold data, those closer than `gap` as one. Throws QemuFailed. */
export async function dataRanges(ctx: Context, block: Block, size: number, gap: number): Promise<Range[]> {
  let found: Range[] = [];
  for (let start = 0; start < size; start += mapWindow) {
    const window = [`--start-offset=${start}`, `--max-length=${Math.min(mapWindow, size - start)}`];
    const args = ["map", "--output=json", ...window, "--image-opts", blockOptions(block)];
    const { stdout } = await demand(run(ctx, "qemu-img", args));
    const extents = JSON.parse(stdout) as { start: number; length: number; zero: boolean }[];
    found = merged([...found, ...extents.filter(({ zero }) => !zero)], gap);
  }
  return found.map(({ start, length }) => ({ start, length }));
}

export interface ConvertOptions {
  /** A promise that the target reads as zeros: only data is sent. */
  readonly targetIsZero: boolean;
  /** 0-1, of the data of this call. */
  readonly onProgress: (share: number) => void;
}

/**
 * Copy one block onto another, and flush it. Throws QemuFailed. Cache mode `writeback`, said aloud: the default of
 * `convert` is `unsafe`, which sends no SYNCHRONIZE CACHE (seen at the target: none; with writeback one at close).
 */
export async function convert(
  ctx: Context,
  from: Block,
  to: Block,
  { targetIsZero, onProgress }: ConvertOptions,
): Promise<void> {
  const promise = targetIsZero ? ["--target-is-zero"] : [];
  const manner = ["-n", "-p", "-t", "writeback", "-W", "-m", "16", ...promise];
  const ends = ["--image-opts", blockOptions(from), "--target-image-opts", blockOptions(to)];
  const onLine = (line: string) => {
    const percent = /\(([\d.]+)\/100%\)/.exec(line)?.[1];
    if (percent !== undefined) onProgress(Number(percent) / 100);
  };
  await demand(run(ctx, "qemu-img", ["convert", ...manner, ...ends], { onLine }));
}

export interface IoOptions {
  /** Where the files that commands name lie: qemu-io splits its commands at blanks. */
  readonly cwd?: string;
  readonly readOnly?: boolean;
  /** Told the bytes of each command that is done. */
  readonly onBytes?: (bytes: number) => void;
}

/** Run qemu-io's commands on a block, one after another; the bytes they moved. Throws QemuFailed at the first that fails. */
export async function io(
  ctx: Context,
  block: Block,
  commands: readonly string[],
  { cwd, readOnly = false, onBytes = () => {} }: IoOptions = {},
): Promise<number> {
  let moved = 0;
  const onLine = (line: string) => {
    const bytes = Number(/^(?:wrote|read) (\d+)\/\d+ bytes /.exec(line)?.[1] ?? 0);
    moved += bytes;
    if (bytes > 0) onBytes(bytes);
  };
  const manner = ["-t", "writeback", ...(readOnly ? ["-r"] : [])];
  const args = [...manner, "--image-opts", blockOptions(block), ...commands.flatMap((c) => ["-c", c])];
  const result = await demand(run(ctx, "qemu-io", args, { onLine, ...(cwd === undefined ? {} : { cwd }) }));
  // Asynchronous reads tell their failure in words only.
  const failed = /^.*(?:failed|verification).*$/im.exec(result.stdout)?.[0];
  if (failed !== undefined) throw new QemuFailed(failed.trim());
  return moved;
}
