import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import Database from "libsql";

/** Where in a story something is done to it, as it is seen from outside: in the journal, or by what is reported. */
export type Point =
  /** A step of a deployment or visit: its intent is on disk; so long after that; its result is on disk. */
  | { readonly step: string; readonly moment: "before" | "during" | "after" }
  /** A stage was reported, and so long after that. */
  | { readonly stage: string; readonly moment: "before" | "during" };

export const pointName = (point: Point): string =>
  "step" in point ? `${point.moment} "${point.step}"` : `${point.moment} "${point.stage}..."`;

interface Line {
  readonly seq: number;
  readonly step: string;
  readonly phase: string;
}

/** The journal of a store, read beside the helper that writes it. */
export interface JournalReader {
  readonly last: () => number;
  readonly since: (seq: number) => readonly Line[];
  readonly close: () => void;
}

export function readJournal(stateDir: string): JournalReader {
  const database = new Database(join(stateDir, "site.db"), { readonly: true });
  const last = database.prepare("SELECT MAX(seq) AS seq FROM journal");
  const since = database.prepare("SELECT seq, step, phase FROM journal WHERE seq > ? ORDER BY seq");
  return {
    last: () => Number((last.get() as { seq: number | null }).seq ?? 0),
    since: (seq) => since.all(seq) as Line[],
    close: () => database.close(),
  };
}

/** The same numbers for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What is looked at while the story is told. */
export interface Seen {
  readonly journal: JournalReader;
  /** The journal's last line before the story began. */
  readonly from: number;
  /** Stages that were reported since. */
  readonly stages: () => readonly string[];
  /** True when the story is over. */
  readonly over: () => boolean;
}

/** Wait until the point is reached; false when the story ended without. `within`: milliseconds from its beginning. */
export async function reach(point: Point, seen: Seen, within: number): Promise<boolean> {
  const begun = () =>
    "step" in point
      ? seen.journal.since(seen.from).some(({ step, phase }) => step === point.step && phase === "begin")
      : seen.stages().includes(point.stage);
  const ended = () =>
    "step" in point &&
    seen.journal.since(seen.from).some(({ step, phase }) => step === point.step && phase !== "begin");
  const wanted = point.moment === "after" ? ended : begun;
  while (!wanted()) {
    if (seen.over()) return false;
    await pause(2);
  }
  if (point.moment !== "during") return true;
  const until = performance.now() + within;
  while (performance.now() < until && !ended() && !seen.over()) await pause(2);
  return true;
}
