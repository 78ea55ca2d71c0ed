import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { type Duration, toMs } from "../../../provider/kernel/units.ts";

/** `start` writes it before each power-on, so that what an earlier run said is not taken for news. */
export const powerOnLine = "=== power on ===";

/** What a server has said on its serial line since it was last switched on. */
export async function readConsole(path: string): Promise<string> {
  const text = await readFile(path, "latin1").catch(() => "");
  const at = text.lastIndexOf(powerOnLine);
  return at < 0 ? text : text.slice(at + powerOnLine.length + 1);
}

/**
 * Wait until the serial line has said `pattern` since the last power-on; the text that matched. Throws after `limit`
 * with the last words that were said, which alone explain most failures.
 */
export async function waitConsole(
  name: string,
  path: string,
  pattern: string | RegExp,
  limit: Duration | string,
): Promise<string> {
  const end = Date.now() + toMs(limit);
  for (;;) {
    const text = await readConsole(path);
    const found =
      typeof pattern === "string" ? (text.includes(pattern) ? pattern : undefined) : pattern.exec(text)?.[0];
    if (found !== undefined) return found;
    if (Date.now() > end) {
      throw new Error(
        `${name} did not say ${pattern} on its console within ${limit}; its last words:\n${text.slice(-800)}`,
      );
    }
    await pause(150);
  }
}
