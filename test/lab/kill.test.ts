import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildTestImages, imageCache } from "../../tools/images/index.ts";
import { tellByClient, type World } from "./faults/by-client.ts";
import { type Cell, cellName } from "./faults/cell.ts";
import { openHelper } from "./faults/helper.ts";
import { readJournal, seeded } from "./faults/points.ts";
import { twoWriters } from "./faults/writers.ts";
import { openLab } from "./lab/index.ts";
import { programsRunning } from "./programs.ts";
import { declareSystems } from "./site.ts";

let world: World | undefined;
let folder = "";
const random = seeded(1);

beforeAll(async () => {
  const [images, next] = await Promise.all([
    buildTestImages(imageCache()),
    buildTestImages(imageCache(), "2"),
  ]);
  folder = await mkdtemp(join(tmpdir(), "kill-"));
  const lab = await openLab({ dir: join(folder, "lab") });
  const site = await openHelper(lab, join(folder, "state"));
  await declareSystems(site, images);
  const journal = readJournal(join(folder, "state"));
  world = { lab, site, journal, images, next };
});

afterAll(async () => {
  world?.journal.close();
  await world?.site.close();
  await world?.lab.close();
  await rm(folder, { recursive: true, force: true });
  expect(await programsRunning()).toEqual([]);
});

// A sample of `npm run story -- kill`.
const sample: readonly Cell[] = [
  { story: "deploy", who: "helper", fault: "kill", point: { step: "power on", moment: "after" } },
  { story: "deploy", who: "helper", fault: "kill", point: { stage: "writing", moment: "during" } },
  { story: "deploy", who: "qemu-img", fault: "kill", point: { stage: "writing", moment: "before" } },
  { story: "deploy", who: "dnsmasq", fault: "kill", point: { step: "power on", moment: "before" } },
  { story: "rebuild", who: "helper", fault: "kill", point: { step: "write", moment: "before" } },
  { story: "release", who: "helper", fault: "kill", point: { stage: "powering off", moment: "before" } },
];

describe("what is asked for again after a process was killed ends as it should, with one writer at a time", () => {
  it.for(sample.map((cell, index) => ({ name: cellName(cell), cell, index })))(
    "$name",
    async ({ cell, index }) => {
      if (world === undefined) throw new Error("there is no lab");
      await tellByClient(world, cell, `k${index}`, random());
    },
  );
});

describe("a target's log", () => {
  const session = (number: number, firstWrite: number, lastWrite: number) => ({
    ...{ iqn: "iqn", number, opened: 0, closed: 99, writes: 2, bytes: 1, firstWrite, lastWrite },
  });
  it.for([
    { what: "one after another", sessions: [session(1, 1, 2), session(2, 3, 4)], against: [] },
    {
      what: "one that wrote on while another had begun",
      sessions: [session(2, 3, 4), session(1, 1, 9), session(3, 5, 6)],
      against: ["connection 1 wrote after connection 2 had begun"],
    },
    {
      what: "one that only looked",
      sessions: [{ ...session(1, 1, 9), writes: 0 }, session(2, 3, 4)],
      against: [],
    },
    {
      what: "what cannot be read",
      sessions: [{ ...session(1, 1, 2), unread: "an opcode 63" }],
      against: ["connection 1 said an opcode 63"],
    },
  ])("tells $what", ({ sessions, against }) => {
    expect(twoWriters(sessions)).toEqual(against);
  });
});
