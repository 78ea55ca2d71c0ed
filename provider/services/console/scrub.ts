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
  return {
    // The kernel repeats its command line, and with it the key of whichever deployment.
    text: (text) =>
      all
        .reduce((clean, secret) => clean.replaceAll(secret, "[secret]"), text)
        .replace(/\b(deployment_key=)[^\s[]\S*/g, "$1[secret]"),
    longest: all[0]?.length ?? 0,
  };
}

function partsOf(secret: string): readonly string[] {
  const lines = secret.split(/[\r\n]+/).map((line) => line.trim());
  if (lines.length === 1) return lines.filter((line) => line.length >= shortest);
  return lines.filter((line) => line.length >= shortestLine);
}
