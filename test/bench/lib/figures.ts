import { readFile } from "node:fs/promises";

/** The middle one; of an even count the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[sorted.length % 2 === 1 ? half : half - 1],
    sorted[half],
  ];
  return (low + high) / 2;
}

/** What was measured, by its name, in the order in which it came. */
export class Samples {
  readonly #values = new Map<string, number[]>();

  add(name: string, value: number): void {
    this.#values.set(name, [...(this.#values.get(name) ?? []), value]);
  }

  names(): readonly string[] {
    return [...this.#values.keys()];
  }

  of(name: string): readonly number[] {
    return this.#values.get(name) ?? [];
  }

  median(name: string): number {
    return median(this.of(name));
  }
}

/** Seconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1_000;
}

/** Processor seconds of the programs that this process has started and seen the end of, with what those had started. */
export async function cpuOfChildren(): Promise<number> {
  const stat = await readFile("/proc/self/stat", "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // cutime and cstime (proc(5): fields 16 and 17), in hundredths of a second on every Linux.
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** Each name once, beginning with another one in each round: whoever comes first finds other caches than whoever comes last. */
export function turned<T>(items: readonly T[], round: number): readonly T[] {
  const by = round % Math.max(1, items.length);
  return [...items.slice(by), ...items.slice(0, by)];
}

/** Columns, the first one to the left and the others to the right. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, n) => (n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0))).join("  ");
  return rows.map((row) => line(row).trimEnd()).join("\n");
}

/** A line with a target: `ok` or `MISSED`. A missed target is told, it is not an error. */
export function verdict(what: string, value: string, wanted: string, holds: boolean): string {
  return `${holds ? "ok    " : "MISSED"}  ${what}: ${value} (wanted: ${wanted})`;
}

/** `1.23 s` */
export const inSeconds = (value: number): string => `${value.toFixed(2)} s`;
/** `1.05 x` */
export const asRatio = (value: number): string => `${value.toFixed(2)} x`;
