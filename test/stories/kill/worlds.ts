import { join } from "node:path";
import { buildTestImages, imageCache } from "../../../tools/images/index.ts";
import { tellByClient } from "../../lab/faults/by-client.ts";
import type { Cell } from "../../lab/faults/cell.ts";
import { openHelper } from "../../lab/faults/helper.ts";
import { readJournal } from "../../lab/faults/points.ts";
import { openLab } from "../../lab/lab/index.ts";
import { declareSystems } from "../../lab/site.ts";
import { openProgram } from "./by-pulumi.ts";
import type { World } from "./world.ts";

/** The worlds there are, in the order in which a lane goes through them, and which cells each is for. */
export const worlds: readonly {
  readonly has: (cell: Cell) => boolean;
  /** Stories that take turns, so that each begins with what the last one left. */
  readonly turns?: readonly Cell["story"][];
  readonly open: (folder: string) => Promise<World>;
}[] = [
  { has: (cell) => !ofPulumi(cell) && cell.server === undefined, open: (folder) => withClient(folder) },
  { has: ofPulumi, turns: ["deploy", "rebuild", "release"], open: () => openProgram() },
  {
    has: ({ server }) => server === "qemu",
    // What QEMU takes where other lanes take the cores.
    open: (folder) =>
      withClient(folder, {
        power: "10 seconds",
        soft: "5 seconds",
        callback: "5 minutes",
        answer: "5 minutes",
      }),
  },
];

function ofPulumi({ who }: Cell): boolean {
  return who === "cli" || who === "provider";
}

async function withClient(folder: string, limits?: Parameters<typeof openHelper>[2]): Promise<World> {
  const [images, next] = await Promise.all(["1", "2"].map((one) => buildTestImages(imageCache(), one)));
  if (images === undefined || next === undefined) throw new Error("there are no images");
  const lab = await openLab({ dir: join(folder, "lab") });
  const stateDir = join(folder, "state");
  const site = await openHelper(lab, stateDir, limits);
  await declareSystems(site, images);
  const journal = readJournal(stateDir);
  return {
    tell: (cell, name, moment) => tellByClient({ lab, site, journal, images, next }, cell, name, moment),
    async close() {
      journal.close();
      await site.close();
      await lab.close();
    },
  };
}
