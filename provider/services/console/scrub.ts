/** Shorter ones are found in any text, which would be spoilt. */
const shortest = 4;

/** Of a secret of many lines each is one; but those that stand in every such text are none. */
const shortestLine = 12;

/** What must not be read in a console log is blotted out. */
export interface Scrub {
  readonly text: (text: string) => string;
  /** How long the longest is. */
  readonly longest: number;
}

/** `secrets` may be long texts, of which each line counts. */
export function scrubOf(secrets: readonly string[]): Scrub {
  const all = [...new Set(secrets.flatMap(partsOf))].sort((a, b) => b.length - a.length);
  // All at once: one may be a word of what another was replaced with.
  const any = all.length > 0 ? new RegExp(all.map(literally).join("|"), "g") : undefined;
  return {
    // The kernel repeats its command line, and with it the key of whichever deployment.
    text: (text) =>
      (any ? text.replace(any, "[secret]") : text).replace(/\b(deployment_key=)[^\s[]\S*/g, "$1[secret]"),
    longest: all[0]?.length ?? 0,
  };
}

const literally = (secret: string) => secret.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

function partsOf(secret: string): readonly string[] {
  const lines = secret.split(/[\r\n]+/).map((line) => line.trim());
  if (lines.length === 1) return lines.filter((line) => line.length >= shortest);
  return lines.filter((line) => line.length >= shortestLine);
}
