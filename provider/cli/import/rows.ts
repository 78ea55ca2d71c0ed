/** A cell as it was written: a text, several, or names with texts. Numbers stay texts, so that no zero in front is lost. */
export type Cell = string | readonly string[] | Readonly<Record<string, string>>;

/** One server of a list, and where its cells were written. Empty cells are left out. */
export interface Row {
  readonly cells: ReadonlyMap<string, Cell>;
  readonly lineOf: (column: string) => number;
}

/** What is wrong, where, and what was expected. */
export interface Fault {
  /** None where it is not about a place of the list. */
  readonly line?: number;
  readonly column?: string;
  readonly reason: string;
}

/** A list as it was read, with what could not be read. */
export interface Rows {
  readonly rows: readonly Row[];
  readonly faults: readonly Fault[];
  /** The columns that it has, in lower case, and where each is named first. */
  readonly columns: ReadonlyMap<string, number>;
}

/** A list of which nothing could be read. */
export const unread = (fault: Fault): Rows => ({ rows: [], faults: [fault], columns: new Map() });
