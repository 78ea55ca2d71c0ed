/** One column of a table. */
export interface Column<R> {
  readonly head: string;
  readonly of: (row: R) => string;
  /** May be cut short, down to this many characters, where the terminal is too narrow. */
  readonly least?: number;
}

const gap = "  ";

/**
 * Rows as aligned text, a line each, under their heads. With `width` the columns that may be cut share what is missing,
 * the widest first; without it nothing is cut. Ends with a newline.
 */
export function table<R>(columns: readonly Column<R>[], rows: readonly R[], width?: number): string {
  const lines = [
    columns.map(({ head }) => head),
    ...rows.map((row) => columns.map(({ of }) => plain(of(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((cells) => lengthOf(cells[index] ?? ""))));
  const fitted = width === undefined ? widths : narrowed(columns, widths, width);
  return lines
    .map((cells) => cells.map((cell, index) => padded(cell, fitted[index] ?? 0)).join(gap))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** Labels and values under one another. Ends with a newline unless there are none. */
export function pairs(entries: readonly (readonly [label: string, value: string])[]): string {
  const wide = Math.max(0, ...entries.map(([label]) => lengthOf(label)));
  return entries
    .map(([label, value]) => `${`${padded(label, wide)}${gap}${plain(value)}`.trimEnd()}\n`)
    .join("");
}

function narrowed<R>(
  columns: readonly Column<R>[],
  natural: readonly number[],
  width: number,
): readonly number[] {
  const widths = [...natural];
  const missing = widths.reduce((sum, one) => sum + one, 0) + gap.length * (columns.length - 1) - width;
  for (let left = missing; left > 0; left--) {
    const spare = columns.map(({ least }, index) => (least === undefined ? 0 : (widths[index] ?? 0) - least));
    const widest = columns.reduce(
      (best, { least }, index) =>
        least !== undefined && (spare[index] ?? 0) > 0 && (widths[index] ?? 0) > (widths[best] ?? 0)
          ? index
          : best,
      -1,
    );
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

/** Cut to `limit` characters, the last of which then says so. */
export function shortened(text: string, limit: number): string {
  const letters = [...text];
  return letters.length <= limit
    ? text
    : `${letters
        .slice(0, Math.max(0, limit - 1))
        .join("")
        .trimEnd()}…`;
}

// What a controller says may hold anything, and must neither break a line nor steer the terminal.
export const plain = (text: string): string => text.replace(/\p{Cc}+/gu, " ");

const lengthOf = (text: string): number => [...text].length;
const padded = (text: string, width: number): string => {
  const cut = shortened(text, width);
  return cut + " ".repeat(Math.max(0, width - lengthOf(cut)));
};
