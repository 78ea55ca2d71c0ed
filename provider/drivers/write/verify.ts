import type { Context } from "../../kernel/context.ts";
import { type Block, nested, part } from "./blocks.ts";
import { io, QemuFailed } from "./qemu.ts";
import { bytesOf, gaps, type Range, samples, sliced, within } from "./ranges.ts";

/** Bytes that were put on the disk: a stretch of a source, and where it lies now. */
export interface Region {
  readonly source: Block;
  /** In the source's offsets. */
  readonly range: Range;
  /** Where the source's first byte would lie on the disk. */
  readonly at: number;
  /** The source's stretches of data, sorted. */
  readonly data: readonly Range[];
}

const [chunk, inFlight, perProcess] = [2 * 2 ** 20, 8, 512];
const [zeroSamples, dataSamples] = [
  { count: 64, size: 64 * 1024 },
  { count: 256, size: 256 * 1024 },
];

/** What will be read back: every stretch of data, or samples of it; of the zeros always samples. */
export function toRead({ range, data }: Region, verify: "full" | "sampled"): Range[] {
  const own = within(data, range);
  const zeros = samples(gaps(data, range), zeroSamples);
  return [...(verify === "full" ? own : samples(own, dataSamples)), ...zeros].flatMap((r) =>
    sliced(r, chunk),
  );
}

export interface Comparison {
  readonly region: Region;
  readonly reads: readonly Range[];
  readonly moved: (bytes: number) => void;
}

/**
 * Read these stretches from the disk and from the source, and compare each byte. QEMU's `blkverify` does it in one
 * process without a copy: it reads both and ends at the first difference. The sum of what it says it read is held
 * against what it should have. Throws QemuFailed.
 */
export async function compare(
  ctx: Context,
  disk: Block,
  { region, reads, moved }: Comparison,
): Promise<void> {
  const { source, range, at } = region;
  const block = {
    driver: "blkverify",
    ...nested("raw", part(disk, { start: at + range.start, length: range.length })),
    ...nested("test", part(source, range)),
  };
  for (let n = 0; n < reads.length; n += perProcess) {
    const batch = reads.slice(n, n + perProcess);
    const commands = batch.flatMap(({ start, length }, k) => {
      const read = `aio_read ${start - range.start} ${length}`;
      return k % inFlight === inFlight - 1 ? [read, "aio_flush"] : [read];
    });
    const came = await io(ctx, block, [...commands, "aio_flush"], { readOnly: true, onBytes: moved });
    if (came !== bytesOf(batch)) throw new QemuFailed(`${came} of ${bytesOf(batch)} bytes came back`);
  }
}
