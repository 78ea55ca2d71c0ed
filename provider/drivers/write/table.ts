import type { Patch } from "./gpt.ts";
import type { Range } from "./ranges.ts";

/** What a partition is for: one of ours by its name, anything else by its type as the table has it. */
export type Use = "EFI system" | "Linux" | "swap" | "FAT" | (string & {});

/** One line of a table. Bytes. */
export interface Entry extends Range {
  readonly use: Use;
  /** What a BIOS is told to start; firmware that knows a GPT does not look at it. */
  readonly bootable?: boolean;
}

/** A table's bytes. */
export interface EncodedTable {
  /** The disk's first bytes. */
  readonly head: Buffer;
  /** What lies elsewhere, and is no table without the head. */
  readonly beside: readonly Patch[];
}

/** A kind of partition table that a partition image's disk can be cut with. */
export interface TableKind {
  /** As people call it. */
  readonly name: string;
  /** How many bytes of a disk's start tell it. */
  readonly head: number;
  /** How many bytes of the disk's end it takes. */
  readonly tail: number;
  /** How far it can count on a disk with sectors of a size. */
  readonly reach: (sector: number) => number;
  /** The last place for a volume of a length. */
  readonly placeAtEnd: (disk: number, sector: number, length: number) => Range;
  /** RangeError if it cannot be said. */
  readonly encode: (entries: readonly Entry[], disk: number, sector: number) => EncodedTable;
  /** What a disk's first bytes tell; undefined where there is no such table. */
  readonly decode: (head: Buffer, sector: number) => readonly Entry[] | undefined;
}
