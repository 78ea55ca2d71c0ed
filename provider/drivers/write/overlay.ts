import type { Patch } from "./gpt.ts";
import { gaps } from "./ranges.ts";

const rangeOf = ({ at, bytes }: Patch) => ({ start: at, length: bytes.length });

/**
 * What is to be written last, with changes laid over it: no two of the results touch the same byte, so that each can be
 * read back as it was written. What the changes bring beside it comes first, in their order; `held` keeps its own.
 */
export function overlaid(held: readonly Patch[], changes: readonly Patch[]): readonly Patch[] {
  const last = held.map(({ at, bytes }) => ({ at, bytes: Buffer.from(bytes) }));
  const beside: Patch[] = [];
  for (const change of changes) {
    const there = [...last, ...beside];
    for (const under of there) cover(under, change);
    const taken = there.map(rangeOf).toSorted((a, b) => a.start - b.start);
    for (const { start, length } of gaps(taken, rangeOf(change))) {
      const from = start - change.at;
      beside.push({ at: start, bytes: Buffer.from(change.bytes.subarray(from, from + length)) });
    }
  }
  return [...beside, ...last];
}

function cover(under: Patch, { at, bytes }: Patch): void {
  const start = Math.max(at, under.at);
  const end = Math.min(at + bytes.length, under.at + under.bytes.length);
  if (start < end) under.bytes.set(bytes.subarray(start - at, end - at), start - under.at);
}
