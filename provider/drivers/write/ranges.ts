/** A stretch of bytes. */
export interface Range {
  readonly start: number;
  readonly length: number;
}

export const endOf = ({ start, length }: Range): number => start + length;

export const bytesOf = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, { length }) => sum + length, 0);

/** What of sorted ranges lies inside a window. */
export function within(ranges: readonly Range[], window: Range): Range[] {
  return ranges.flatMap((range) => {
    const start = Math.max(range.start, window.start);
    const length = Math.min(endOf(range), endOf(window)) - start;
    return length > 0 ? [{ start, length }] : [];
  });
}

/** Sorted ranges with gaps up to `gap` bytes taken in. */
export function merged(ranges: readonly Range[], gap = 0): Range[] {
  const result: Range[] = [];
  for (const range of ranges) {
    const last = result.at(-1);
    if (last !== undefined && range.start <= endOf(last) + gap) {
      const end = Math.max(endOf(last), endOf(range));
      result[result.length - 1] = { start: last.start, length: end - last.start };
    } else if (range.length > 0) result.push(range);
  }
  return result;
}

/** What of a window no sorted range covers. */
export function gaps(ranges: readonly Range[], window: Range): Range[] {
  const result: Range[] = [];
  let at = window.start;
  for (const range of within(ranges, window)) {
    if (range.start > at) result.push({ start: at, length: range.start - at });
    at = Math.max(at, endOf(range));
  }
  if (at < endOf(window)) result.push({ start: at, length: endOf(window) - at });
  return result;
}

/** A range in pieces that end at multiples of `size`. */
export function sliced(range: Range, size: number): Range[] {
  const result: Range[] = [];
  for (let at = range.start; at < endOf(range); ) {
    const length = Math.min(endOf(range), (Math.floor(at / size) + 1) * size) - at;
    result.push({ start: at, length });
    at += length;
  }
  return result;
}

/** At most `count` stretches of `size` bytes, spread evenly over the ranges, each at a random place of its share, on 4 KiB. */
export function samples(
  ranges: readonly Range[],
  { count, size, random = Math.random }: { count: number; size: number; random?: () => number },
): Range[] {
  const total = bytesOf(ranges);
  if (total <= count * size) return [...ranges];
  const result: Range[] = [];
  let [n, before] = [0, 0];
  let next = random();
  for (const range of ranges) {
    for (; n < count; next = ++n + random()) {
      const inside = (next / count) * total - before;
      if (inside >= range.length) break;
      const start = range.start + Math.max(0, Math.min(inside, range.length - size));
      const aligned = Math.max(range.start, Math.floor(start / 4096) * 4096);
      result.push({ start: aligned, length: Math.min(size, endOf(range) - aligned) });
    }
    before += range.length;
  }
  return merged(result);
}
