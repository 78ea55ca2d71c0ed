import type { Scrub } from "./scrub.ts";

/** Longer ones are cut in two. */
const longest = 2_000;

// ECMA-48: what begins with ESC [ and ends with a letter steers the cursor; ESC ], P, ^ and _ begin texts of their own.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const moves = /\x1b\[[0-?]*[ -/]*[ABEFHJd]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const sequences = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;

/** One line as it may be shown: a console may say anything, and must neither break a line nor steer a terminal. */
export const harmless = (text: string): string =>
  text
    .replace(sequences, "")
    .replaceAll("\t", "  ")
    // Those that turn the order of letters round, or are not seen, are no better.
    .replace(/[\p{Cc}\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu, "")
    .trimEnd();

/** Takes what a serial line says piece by piece, and tells it line by line. */
export interface LineReader {
  readonly take: (piece: string) => void;
  /** Tell what has no end of line yet. */
  readonly end: () => void;
}

/**
 * Firmware draws with cursor moves instead of line feeds: a move to another place ends a line too. What has no end is kept
 * back until it has one, or is too long, so that a secret is never seen in halves.
 */
export function readLines(scrub: Scrub, onLine: (line: string) => void): LineReader {
  let rest = "";
  const clean = (text: string) => scrub.text(harmless(text));
  const tell = (line: string) => {
    for (let at = 0; at < line.length; at += longest) onLine(line.slice(at, at + longest));
  };
  return {
    take(piece) {
      const lines = (rest + piece).replace(moves, "\n").split(/[\r\n]+/);
      rest = lines.pop() ?? "";
      for (const line of lines) tell(clean(line));
      if (rest.length <= 2 * longest + scrub.longest) return;
      // Its last letters may be the first of a secret.
      const whole = clean(rest);
      const end = Math.max(0, whole.length - scrub.longest);
      tell(whole.slice(0, end));
      rest = whole.slice(end);
    },
    end() {
      tell(clean(rest));
      rest = "";
    },
  };
}
