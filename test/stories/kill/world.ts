import type { Cell } from "../../lab/faults/cell.ts";

/** A place in which cells are told, one after another. */
export interface World {
  /** `moment`: 0-1. */
  readonly tell: (cell: Cell, name: string, moment: number) => Promise<string>;
  readonly close: () => Promise<void>;
}
