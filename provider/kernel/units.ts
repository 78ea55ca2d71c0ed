/** A length of time as people write it: `"90 seconds"`. A bare number has no unit and does not compile. */
export type Duration = `${number} ${TimeUnit}`;
type TimeUnit = "ms" | "second" | "seconds" | "minute" | "minutes" | "hour" | "hours";

/** An amount of bytes as people write it: `"64 GiB"`, `"480 GB"`. */
export type Size = `${number} ${keyof typeof bytesOf}`;

const millisecondsOf = { ms: 1, second: 1_000, minute: 60_000, hour: 3_600_000 } as const;
const bytesOf = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

export const durationPattern = /^(\d+(?:\.\d+)?) (ms|seconds?|minutes?|hours?)$/;
export const sizePattern = /^(\d+(?:\.\d+)?) (B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;

/** Milliseconds of a duration. Throws a TypeError for anything else; schemas refuse that earlier. */
export function toMs(duration: Duration | string): number {
  const [, count, unit] = durationPattern.exec(duration) ?? [];
  if (count === undefined || unit === undefined) throw new TypeError(`not a duration: ${duration}`);
  const singular = unit === "ms" ? unit : (unit.replace(/s$/, "") as keyof typeof millisecondsOf);
  return Math.round(Number(count) * millisecondsOf[singular]);
}

/** Whole bytes of a size. Throws a TypeError for anything else; schemas refuse that earlier. */
export function toBytes(size: Size | string): number {
  const [, count, unit] = sizePattern.exec(size) ?? [];
  if (count === undefined || unit === undefined) throw new TypeError(`not a size: ${size}`);
  return Math.floor(Number(count) * bytesOf[unit as keyof typeof bytesOf]);
}

/** Bytes in the words of people, binary units, at most one decimal: `1.5 GiB`. */
export function showBytes(bytes: number): string {
  for (const unit of ["TiB", "GiB", "MiB", "KiB"] as const) {
    if (bytes >= bytesOf[unit]) return `${Number((bytes / bytesOf[unit]).toFixed(1))} ${unit}`;
  }
  return `${bytes} B`;
}

/** Seconds as `m:ss` or `h:mm:ss`, the way a progress line shows what is left. */
export function showSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${h > 0 ? String(m).padStart(2, "0") : m}:${String(s).padStart(2, "0")}`;
  return h > 0 ? `${h}:${tail}` : tail;
}
