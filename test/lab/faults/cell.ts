import { stat } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { newContext } from "../../../provider/kernel/context.ts";
import type { TestImages } from "../../../tools/images/index.ts";
import { expectWhole } from "../installed.ts";
import type { Lab, PaperServer } from "../lab/index.ts";
import { bootFilesOf, commandsTo, enrol, install, nameOn } from "../site.ts";
import { type HelperSite, stopped } from "./helper.ts";
import { type JournalReader, type Point, pointName, reach } from "./points.ts";
import { descendantNamed, inflict } from "./processes.ts";
import { sessionsOf, twoWriters } from "./writers.ts";

/** What is told, to whom something is done in it, and when. */
export interface Cell {
  readonly story: "deploy" | "rebuild" | "release" | "clean";
  readonly who: "helper" | "qemu-img" | "dnsmasq";
  readonly fault: "kill" | "stop";
  readonly point: Point;
}
export const cellName = ({ story, who, fault, point }: Cell): string =>
  `${story}: ${fault} ${who} ${pointName(point)}`;

/** One helper with its lab; the cells of a world are told one after another. */
export interface World {
  readonly lab: Lab;
  readonly site: HelperSite;
  readonly journal: JournalReader;
  readonly images: TestImages;
  /** What a rebuild installs. */
  readonly next: TestImages;
  /** 0-1, the same in each run. */
  readonly random: () => number;
}

/** How long a step lasts on paper, at most: a moment "during" it lies in the first half of that. Milliseconds. */
const span = (point: Point): number => {
  const steps: Readonly<Record<string, number>> = {
    "call-back": 1_500,
    write: 1_200,
    answer: 800,
    done: 200,
  };
  return "step" in point ? (steps[point.step] ?? 60) : 80;
};

/** Tell one cell on a server of its own: what came of it. Throws when it does not end as it should. */
export async function tellCell(world: World, cell: Cell, name: string): Promise<string> {
  const { lab, site, journal, random } = world;
  const server = await lab.paper({ name });
  const instance = nameOn(server);
  try {
    await enrol(site, server);
    const ask = await storyOf(world, cell, server);
    const helper = await site.pid();
    const heard = site.progress(instance).length;
    let over = false;
    const first = ask().then(
      () => "worked",
      (error: Error) => /\[([A-Z_]+)\]/.exec(error.message)?.[1] ?? error.message,
    );
    void first.finally(() => {
      over = true;
    });
    const seen = {
      ...{ journal, from: journal.last(), over: () => over },
      stages: () =>
        site
          .progress(instance)
          .slice(heard)
          .map(({ stage }) => stage),
    };
    const there = await reach(cell.point, seen, random() * span(cell.point));
    const pid = there ? await victimOf(cell, helper, () => over) : undefined;
    const fault = cell.fault === "kill" ? ({ kind: "kill" } as const) : stopped;
    const hit = pid !== undefined && (await inflict(pid, fault));
    const outcome = await first;
    check(hit, `it was not hit: the point ${there ? "was reached, the process gone" : "never came"}`);
    await ask();
    const writers = await checkEnd(world, cell, server);
    return `${outcome}; then as it should, ${writers} connections wrote`;
  } finally {
    await server.stop();
  }
}

/** What is asked for, and asked for again in the same words. */
async function storyOf({ site, images, next }: World, { story }: Cell, server: PaperServer) {
  const onDelete = story === "clean" ? { onDelete: "clean" } : {};
  if (story === "deploy") return () => install(site, server, {});
  await install(site, server, onDelete);
  if (story !== "rebuild") return () => site.remove("instances", nameOn(server));
  await site.declare("images", "next", {
    source: next.whole.disk.path,
    checksum: next.whole.disk.checksum,
  });
  check(images.whole.disk.checksum !== next.whole.disk.checksum, "both images are one");
  return () => install(site, server, { image: "next", allowReinstall: true });
}

async function victimOf({ who }: Cell, helper: number, over: () => boolean): Promise<number | undefined> {
  if (who === "helper") return helper;
  const name = who === "dnsmasq" ? /^dnsmasq$/ : /^qemu-(img|io)$/;
  for (;;) {
    const found = await descendantNamed(helper, name);
    if (found !== undefined || over()) return found;
    await pause(2);
  }
}

async function checkEnd(
  { site, images, next }: World,
  { story }: Cell,
  server: PaperServer,
): Promise<number> {
  const instance = nameOn(server);
  if (story === "deploy" || story === "rebuild") {
    const state = site.remembered("instances", instance);
    check(state?.["provisionState"] === "active", `it is ${state?.["provisionState"]}`);
    await expectWhole(server.diskPath(), story === "deploy" ? images.whole : next.whole);
    const listed = await site.site.instances.list(newContext());
    const mine = listed.filter(({ assignedNode }) => assignedNode === server.name);
    check(mine.length === 1, `there are ${mine.length} instances on it`);
    const before = (await commandsTo(server)).length;
    const args = story === "deploy" ? {} : { image: "next" };
    await install(site, server, args);
    check((await commandsTo(server)).length === before, "asked a third time, it gave power commands");
    await site.remove("instances", instance);
  } else {
    check(site.remembered("instances", instance) === undefined, "it is still there");
    if (story === "clean") check((await stat(server.diskPath())).blocks === 0, "its disk is not blank");
  }
  check(!(await server.isOn()), "its server is still on");
  const node = await site.observe("nodes", server.name);
  check(node?.["provisionState"] === "available", `its node is ${node?.["provisionState"]}`);
  const files = (await bootFilesOf(site)).filter((path) => path.startsWith(`${instance}/`));
  check(files.length === 0, `boot files are left: ${files.join(", ")}`);
  const sessions = await sessionsOf(server);
  const writers = sessions.filter(({ writes }) => writes > 0).length;
  const against = twoWriters(sessions);
  check(against.length === 0, against.join("; "));
  check(writers > 0, "its target's log knows of no writer");
  await site.remove("interfaces", `${server.name}-eth0`);
  await site.remove("nodes", server.name);
  return writers;
}

function check(so: boolean, words: string): void {
  if (!so) throw new Error(words);
}
