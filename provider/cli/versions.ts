/** The first version number in what a program says of itself: `"ipmitool version 1.8.19"` is `"1.8.19"`. */
export function versionIn(text: string): string | undefined {
  return /\d+(?:\.\d+)+/.exec(text)?.[0] ?? /\d+/.exec(text)?.[0];
}

/** Whether `version` is `least` or newer. Compared number by number; what is not there counts as 0. */
export function atLeast(version: string, least: string): boolean {
  const [have, want] = [numbers(version), numbers(least)];
  for (let i = 0; i < Math.max(have.length, want.length); i++) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

const numbers = (version: string) => (/\d+(?:\.\d+)*/.exec(version)?.[0] ?? "0").split(".").map(Number);
