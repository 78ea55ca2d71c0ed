import type { ColumnName } from "./columns.ts";
import type { Cell, Fault, Row } from "./rows.ts";

/** Reads the cells of one row, and collects what is wrong with them. */
export interface Cells {
  readonly faults: readonly Fault[];
  readonly refuse: (column: ColumnName, reason: string) => void;
  /** undefined = the cell is empty, or refused. */
  readonly text: (column: ColumnName) => string | undefined;
  readonly whole: (column: ColumnName) => number | undefined;
  /** Several, separated by ; or blanks. */
  readonly list: (column: ColumnName) => readonly string[];
  /** `name=value`, several separated by ; */
  readonly values: (column: ColumnName) => Readonly<Record<string, string>> | undefined;
}

export function cellsOf({ cells, lineOf }: Row): Cells {
  const faults: Fault[] = [];
  const refuse = (column: ColumnName, reason: string): undefined => {
    faults.push({ line: lineOf(column), column, reason });
  };
  const text = (column: ColumnName) => {
    const cell = cells.get(column);
    return cell === undefined || typeof cell === "string" ? cell : refuse(column, "Expected one text");
  };
  return {
    faults,
    refuse,
    text,
    whole(column) {
      const given = text(column);
      if (given === undefined || /^\d{1,9}$/.test(given)) return given === undefined ? given : Number(given);
      return refuse(column, "Expected a whole number");
    },
    list(column) {
      const cell = cells.get(column) ?? [];
      if (typeof cell === "string") return cell.split(/[;\s]+/).filter((one) => one !== "");
      return isList(cell) ? cell : (refuse(column, "Expected a text or a list") ?? []);
    },
    values(column) {
      const cell = cells.get(column);
      if (cell === undefined || (typeof cell === "object" && !isList(cell))) return cell;
      const pieces = typeof cell === "string" ? cell.split(";") : cell;
      const pairs = pieces.filter((piece) => piece.trim() !== "").map(pairOf);
      if (pairs.includes(undefined)) return refuse(column, 'Expected "name=value", several separated by ;');
      return Object.fromEntries(pairs.filter((pair) => pair !== undefined));
    },
  };
}

const isList = (cell: Cell): cell is readonly string[] => Array.isArray(cell);

function pairOf(piece: string): readonly [name: string, value: string] | undefined {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(piece.trim()) ?? [];
  return name === undefined || value === undefined ? undefined : [name.trim(), value.trim()];
}
