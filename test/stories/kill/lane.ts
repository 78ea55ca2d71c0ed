import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Missed, storyName } from "../../lab/faults/cell.ts";
import { seeded } from "../../lab/faults/points.ts";
import type { NamedCell } from "./cells.ts";
import type { Row } from "./table.ts";
import type { World } from "./world.ts";
import { worlds } from "./worlds.ts";

interface Telling {
  readonly seed: number;
  /** Each row goes there too. */
  readonly file: string;
}

/** Tell cells one after another, a line each, those of one world together. */
export async function tellLane(cells: readonly NamedCell[], telling: Telling): Promise<void> {
  let told = 0;
  for (const { has, open, turns } of worlds) {
    const its = inTurn(cells.filter(has), turns);
    if (its.length === 0) continue;
    const folder = await mkdtemp(join(tmpdir(), "lane-"));
    const world = await open(folder);
    try {
      for (const cell of its) await tellNext(world, cell, telling, ++told);
    } finally {
      await world.close();
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** One of each story, then another of each, as long as there are any. */
function inTurn(cells: readonly NamedCell[], turns: readonly string[] = []): readonly NamedCell[] {
  const place = (cell: NamedCell) => cells.filter(({ story }) => story === cell.story).indexOf(cell);
  const key = (cell: NamedCell) => place(cell) * turns.length + turns.indexOf(cell.story);
  return turns.length === 0 ? cells : cells.toSorted((one, other) => key(one) - key(other));
}

async function tellNext(
  world: World,
  named: NamedCell,
  { seed, file }: Telling,
  told: number,
): Promise<void> {
  const { name, ...cell } = named;
  const start = Date.now();
  const random = seeded(seed * 1_000 + told);
  const { failed, said } = await untilHit((tries) => world.tell(cell, `k${told}-${tries}`, random())).then(
    (text) => ({ failed: false, said: text }),
    (error: unknown) => ({ failed: true, said: error instanceof Error ? `${error.stack}` : `${error}` }),
  );
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  console.log(`${failed ? "FAILED" : "ok    "} ${name} (${seconds} s): ${said}`);
  const row: Row = { story: storyName(cell), who: cell.who, fault: cell.fault, failed };
  await appendFile(file, `${JSON.stringify(row)}\n`);
}

/** Tell it until its process was hit, five times at most. */
async function untilHit(body: (tries: number) => Promise<string>): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await body(tries);
    } catch (error) {
      if (!(error instanceof Missed) || tries === 5) throw error;
    }
  }
}
