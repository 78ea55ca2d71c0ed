import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildTestImages, imageCache, type TestImages } from "../../../tools/images/index.ts";
import { type Lab, openLab } from "../../lab/lab/index.ts";
import { programsRunning } from "../../lab/programs.ts";
import { declareSystems, openSite, type TestSite } from "../../lab/site.ts";

/** What a story works with. The site changes when a story closes it and opens its successor. */
export interface Stage {
  readonly lab: Lab;
  readonly images: TestImages;
  site: TestSite;
}

/**
 * Tell the cases of a story one after another in one lab, a line each: what a user would see, and how long it took. Those
 * whose words do not hold one of `words` are left out. Sets the exit code to 1 when a case fails or a program is left.
 */
export async function tell(
  words: readonly string[],
  cases: (stage: Stage) => Iterable<readonly [string, () => Promise<string>]>,
  settings: Parameters<typeof openSite>[2] = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "story-"));
  const images = await buildTestImages(imageCache());
  const lab = await openLab({ dir: join(folder, "lab") });
  // QEMU boots in 20 s where nothing else runs, and a story shows no limits.
  const limits = {
    power: "10 seconds",
    callback: "5 minutes",
    answer: "5 minutes",
    soft: "5 seconds",
  } as const;
  const site = await openSite(lab, join(folder, "state"), { limits, ...settings });
  await declareSystems(site, images);
  const stage: Stage = { lab, images, site };
  let [told, failed] = [0, 0];
  try {
    for (const [title, body] of cases(stage)) {
      if (words.length > 0 && !words.some((word) => title.includes(word))) continue;
      told += 1;
      const start = Date.now();
      const { mark, said } = await body().then(
        (text) => ({ mark: "ok    ", said: text }),
        (error: unknown) => ({
          mark: "FAILED",
          said: error instanceof Error ? `${error.stack}` : String(error),
        }),
      );
      if (mark === "FAILED") failed += 1;
      const seconds = ((Date.now() - start) / 1000).toFixed(1);
      console.log(`${mark} ${title} (${seconds} s)\n         ${said.replaceAll("\n", "\n         ")}`);
    }
  } finally {
    await stage.site.close();
    await lab.close();
    await rm(folder, { recursive: true, force: true });
  }
  const left = await programsRunning();
  if (left.length > 0) console.log(`Left running: ${left.join("; ")}`);
  console.log(`${told} told, ${failed} failed`);
  if (failed > 0 || left.length > 0 || told === 0) process.exitCode = 1;
}

/** The words of a failure as a user reads them; throws when it did not fail, or not with this code. */
export async function failureOf(outcome: Promise<unknown>, code: string): Promise<string> {
  const error = await outcome.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) throw new Error(`it worked, ${code} was expected`);
  const text = error instanceof Error ? error.message : String(error);
  if (!text.includes(`[${code}]`)) throw new Error(`${code} was expected, not: ${text}`);
  return text;
}

/** Throws with these words unless it is so. */
export function check(so: boolean, words: string): void {
  if (!so) throw new Error(words);
}
