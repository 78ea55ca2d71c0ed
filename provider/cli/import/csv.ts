import { CsvError, parse } from "csv-parse/sync";
import { type Fault, type Row, type Rows, unread } from "./rows.ts";

interface CsvRecord {
  readonly record: readonly string[];
  readonly raw: string;
  readonly info: { readonly lines: number };
}

const options = {
  ...{ bom: true, trim: true, info: true, raw: true, comment: "#", comment_no_infix: true },
  // What is missing is told by its column; spreadsheets end with rows of nothing but commas.
  ...{ relax_column_count: true, skip_records_with_empty_values: true },
} as const;

/** A header line, then a line for each server; what begins with # is a comment. */
export function fromCsv(text: string): Rows {
  try {
    return toRows(parse(text, options) as unknown as readonly CsvRecord[]);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const reason = "The quotes around a cell are not closed as they were opened";
    return unread({ line: Number(error["lines"] ?? 1), reason });
  }
}

function toRows([head, ...records]: readonly CsvRecord[]): Rows {
  if (!head) return unread({ line: 1, reason: "Expected a header line with the names of the columns" });
  const names = head.record.map((name) => name.toLowerCase());
  const twice = names.filter((name, index) => name !== "" && names.indexOf(name) !== index);
  const faults: Fault[] = twice.map((column) => ({
    ...{ line: head.info.lines, column },
    reason: "This column is there twice",
  }));
  const rows = records.map(({ record, raw, info }): Row => {
    // csv-parse counts to the end of a record, which may hold line breaks in quotes.
    const line = info.lines - (raw.trim().match(/\n/g)?.length ?? 0);
    if (record.some((cell, index) => cell !== "" && (names[index] ?? "") === "")) {
      const reason =
        "There is a cell more than the header has names: put quotes around one that holds a comma";
      faults.push({ line, reason });
    }
    const cells = names.map((name, index) => [name, record[index] ?? ""] as const);
    return { cells: new Map(cells.filter(([, cell]) => cell !== "")), lineOf: () => line };
  });
  const named = names.filter((name) => name !== "");
  return { rows, faults, columns: new Map(named.map((name) => [name, head.info.lines])) };
}
