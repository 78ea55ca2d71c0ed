import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildTestImages, imageCache } from "../../tools/images/index.ts";
import { type Lab, openLab } from "../lab/lab/index.ts";
import { declareSystems, enrol, install, nameOn, openSite, type TestSite } from "../lab/site.ts";
import { inSeconds, Samples, table, timed } from "./lib/figures.ts";

/**
 * The seconds of each step of a deployment, of both kinds of image, one server at a time and then two at once. Inside the
 * lab: `npm run bench -- deploy [--rounds 2]`.
 */

const { values } = parseArgs({ options: { rounds: { type: "string", default: "2" } } });
const rounds = Number(values.rounds);
const kinds = ["whole", "partition"] as const;
type Kind = (typeof kinds)[number];

/** Steps in which the server boots, and nothing is left to do but to wait for it. */
const waiting = ["call-back", "answer"];
/** Stages within the step that writes; `writing` begins with a look at the image. */
const writing = ["wiping", "writing", "verifying", "finishing"];
/** The node claimed, and for the first deployment the network's services started. */
const beside = "before and between the steps";
const total = "from the call to its answer";

interface Bench {
  readonly lab: Lab;
  readonly site: TestSite;
}

interface Entry {
  readonly step: string;
  readonly seconds: number;
}

/** Install a system on a server whose disk is blank, note what took how long, and give the server back. */
async function deployOnce({ lab, site }: Bench, name: string, image: Kind, samples: Samples): Promise<void> {
  const server = await lab.server({ name });
  await enrol(site, server);
  const stages = new Map<string, number>();
  let [last, since] = ["", performance.now()];
  const onProgress = ({ stage }: { stage: string }) => {
    if (stage === last) return;
    const now = performance.now();
    stages.set(last, (stages.get(last) ?? 0) + (now - since) / 1_000);
    [last, since] = [stage, now];
  };
  let timeline: readonly Entry[] = [];
  const seconds = await timed(async () => {
    const state = await install(site, server, { image }, { onProgress });
    timeline = state["timeline"] as readonly Entry[];
  });
  await site.remove("instances", nameOn(server));
  await server.stop();
  for (const { step, seconds } of timeline) samples.add(step, seconds);
  for (const stage of writing) samples.add(`  ${stage}`, stages.get(stage) ?? 0);
  const steps = timeline.reduce((sum, entry) => sum + entry.seconds, 0);
  samples.add(beside, seconds - steps);
  samples.add(total, seconds);
}

/** Rows in the order of the story, one column for each kind. */
function report(title: string, all: Readonly<Record<Kind, Samples>>): void {
  const told = [...new Set(kinds.flatMap((kind) => all[kind].names()))];
  const within = told.filter((name) => name.startsWith(" "));
  const rows = told
    .filter((name) => !name.startsWith(" ") && name !== total)
    .flatMap((name) => (name === "write" ? [name, ...within] : [name]));
  const cells = (name: string) => kinds.map((kind) => inSeconds(all[kind].median(name)));
  const own = kinds.map((kind) => {
    const waited = waiting.reduce((sum, step) => sum + all[kind].median(step), 0);
    return inSeconds(all[kind].median(total) - waited);
  });
  const lines = [
    ["", "whole disk", "partition"],
    ...rows.map((name) => [name, ...cells(name)]),
    [total, ...cells(total)],
    ["of it without the server's own boots", ...own],
  ];
  console.log(`\n${title}\n${table(lines)}`);
}

const newSamples = (): Record<Kind, Samples> => ({ whole: new Samples(), partition: new Samples() });

async function bench(folder: string): Promise<void> {
  const images = await buildTestImages(imageCache());
  const lab = await openLab({ dir: join(folder, "lab") });
  const site = await openSite(lab, join(folder, "state"));
  try {
    await declareSystems(site, images);
    const [alone, together] = [newSamples(), newSamples()];
    for (let round = 0; round < rounds; round += 1) {
      for (const kind of kinds) await deployOnce({ lab, site }, `${kind}-${round}`, kind, alone[kind]);
    }
    report(`One server at a time, medians of ${rounds} deployments`, alone);
    await Promise.all(kinds.map((kind) => deployOnce({ lab, site }, kind, kind, together[kind])));
    report("Both at once", together);
  } finally {
    await site.close();
    await lab.close();
  }
}

const folder = await mkdtemp(join(tmpdir(), "bench-deploy-"));
try {
  await bench(folder);
} finally {
  await rm(folder, { recursive: true, force: true });
}
