import { appendFileSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { ConsoleLine } from "./line.ts";

/** A log of lines in two files, of which the older is dropped when the newer is full: it never takes more than its limit. */
export interface Ring {
  /** Numbers the line, which is in the file then. */
  readonly add: (line: Omit<ConsoleLine, "n">) => ConsoleLine;
  /** The last so many lines that are left, or those behind a number; in order. */
  readonly read: (count: number, after?: number) => readonly ConsoleLine[];
  readonly remove: () => void;
}

/** Does not touch the disk before there is a line. The lines are few and short: what waits for them waits for microseconds. */
export function openRing(path: string, limit = 2 ** 20): Ring {
  const older = `${path}.old`;
  let state: { n: number; size: number } | undefined;

  const begin = () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    // The last line of a host that lost its power may be half a line.
    if (size > 0 && !contentOf(path).endsWith("\n")) appendFileSync(path, "\n");
    return { n: linesOf(path).at(-1)?.n ?? linesOf(older).at(-1)?.n ?? 0, size };
  };
  return {
    add(line) {
      state ??= begin();
      const numbered = { n: state.n + 1, ...line };
      const text = `${JSON.stringify(numbered)}\n`;
      const bytes = Buffer.byteLength(text);
      if (state.size > 0 && state.size + bytes > limit / 2) {
        renameSync(path, older);
        state.size = 0;
      }
      appendFileSync(path, text, { mode: 0o600 });
      state = { n: numbered.n, size: state.size + bytes };
      return numbered;
    },
    read(count, after = 0) {
      const newer = linesOf(path);
      const all = newer.length < count || after > 0 ? [...linesOf(older), ...newer] : newer;
      return count === 0 ? [] : all.filter(({ n }) => n > after).slice(-count);
    },
    remove() {
      for (const file of [path, older]) rmSync(file, { force: true });
      state = undefined;
    },
  };
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

function linesOf(path: string): readonly ConsoleLine[] {
  return contentOf(path).split("\n").flatMap(parsed);
}

function parsed(line: string): readonly ConsoleLine[] {
  try {
    return line === "" ? [] : [JSON.parse(line) as ConsoleLine];
  } catch {
    return []; // half a line
  }
}
