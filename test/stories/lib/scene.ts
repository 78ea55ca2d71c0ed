import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Lab, openLab } from "../../lab/lab/index.ts";
import { programsRunning } from "../../lab/programs.ts";
import { openSite, type TestSite } from "../../lab/site.ts";

/** What a story of one server works with, part after part. */
export interface Scene {
  readonly folder: string;
  readonly lab: Lab;
  readonly site: TestSite;
}

/** A line, or several, below the title of a part. */
export const say = (text: string) => console.log(`   ${text.replaceAll("\n", "\n   ")}`);

/** One part of a story: its title, what it says meanwhile, and how long it took. */
export async function part<T>(title: string, body: () => Promise<T>): Promise<T> {
  console.log(`\n${title}`);
  const start = Date.now();
  const result = await body();
  say(`(${((Date.now() - start) / 1000).toFixed(1)} s)`);
  return result;
}

/** Tell a story in a lab of its own, whose site has these settings. Sets the exit code to 1 when it fails or a program is left. */
export async function play(
  settings: Parameters<typeof openSite>[2],
  story: (scene: Scene) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "story-"));
  const lab = await openLab({ dir: join(folder, "lab") });
  const site = await openSite(lab, join(folder, "state"), settings);
  try {
    await story({ folder, lab, site });
  } catch (error) {
    console.error(`\nFAILED: ${error instanceof Error ? error.stack : String(error)}`);
    process.exitCode = 1;
  } finally {
    await site.close();
    await lab.close();
    await rm(folder, { recursive: true, force: true });
  }
  const left = await programsRunning();
  if (left.length === 0) return;
  console.log(`Left running: ${left.join("; ")}`);
  process.exitCode = 1;
}
