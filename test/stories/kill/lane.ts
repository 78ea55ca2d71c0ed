import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildTestImages, imageCache } from "../../../tools/images/index.ts";
import { tellCell, type World } from "../../lab/faults/cell.ts";
import { openHelper } from "../../lab/faults/helper.ts";
import { readJournal, seeded } from "../../lab/faults/points.ts";
import { openLab } from "../../lab/lab/index.ts";
import { declareSystems } from "../../lab/site.ts";
import type { NamedCell } from "./cells.ts";
import type { Row } from "./table.ts";

/** Tell cells one after another in one lab, a line each; each goes to the file too. */
export async function tellLane(
  cells: readonly NamedCell[],
  { seed, file }: { readonly seed: number; readonly file: string },
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "lane-"));
  const [images, next] = await Promise.all(["1", "2"].map((one) => buildTestImages(imageCache(), one)));
  const lab = await openLab({ dir: join(folder, "lab") });
  const stateDir = join(folder, "state");
  const site = await openHelper(lab, stateDir);
  if (images === undefined || next === undefined) throw new Error("there are no images");
  await declareSystems(site, images);
  const journal = readJournal(stateDir);
  let told = 0;
  try {
    for (const { name, ...cell } of cells) {
      told += 1;
      const world: World = { lab, site, journal, images, next, random: seeded(seed * 1_000 + told) };
      const start = Date.now();
      const { failed, said } = await tellCell(world, cell, `k${told}`).then(
        (text) => ({ failed: false, said: text }),
        (error: unknown) => ({ failed: true, said: error instanceof Error ? `${error.stack}` : `${error}` }),
      );
      const seconds = ((Date.now() - start) / 1000).toFixed(1);
      console.log(`${failed ? "FAILED" : "ok    "} ${name} (${seconds} s): ${said}`);
      const row: Row = { story: cell.story, who: cell.who, fault: cell.fault, failed };
      await appendFile(file, `${JSON.stringify(row)}\n`);
    }
  } finally {
    journal.close();
    await site.close();
    await lab.close();
    await rm(folder, { recursive: true, force: true });
  }
}
