/** One cell that was told. */
export interface Row {
  readonly story: string;
  readonly who: string;
  readonly fault: string;
  readonly failed: boolean;
}

/** The matrix as people read it: of how many cells how many ended as they should. */
export function totals(rows: readonly Row[], wanted: number): string {
  const stories = [...new Set(rows.map(({ story }) => story))];
  const lines = [...new Set(rows.map(({ fault, who }) => `${fault} ${who}`))].sort();
  const cell = (line: string, story: string) => {
    const these = rows.filter((row) => `${row.fault} ${row.who}` === line && row.story === story);
    return these.length === 0 ? "" : `${these.filter(({ failed }) => !failed).length}/${these.length}`;
  };
  const table = [
    ["", ...stories],
    ...lines.map((line) => [line, ...stories.map((story) => cell(line, story))]),
  ];
  const width = Math.max(...table.flat().map((text) => text.length)) + 2;
  const text = table
    .map((row) =>
      row
        .map((one) => one.padEnd(width))
        .join("")
        .trimEnd(),
    )
    .join("\n");
  const lost = wanted - rows.length;
  return `\n${text}${lost > 0 ? `\n${lost} cells were not told: their lane ended before` : ""}\n`;
}
