import { stat } from "node:fs/promises";
import { newContext } from "../../../provider/kernel/context.ts";
import type { TestImages } from "../../../tools/images/index.ts";
import { expectWhole } from "../installed.ts";
import type { Lab, LabServer } from "../lab/index.ts";
import { bootFilesOf, commandsTo, enrol, install, nameOn } from "../site.ts";
import { type Asking, type Cell, check, tell } from "./cell.ts";
import type { HelperSite } from "./helper.ts";
import type { JournalReader } from "./points.ts";
import { descendantThat } from "./processes.ts";
import { isDnsmasq, writerAt } from "./victims.ts";
import { expectOneWriter } from "./writers.ts";

/** One helper with its lab, and this process as its client; the cells of a world are told one after another. */
export interface World {
  readonly lab: Lab;
  readonly site: HelperSite;
  readonly journal: JournalReader;
  readonly images: TestImages;
  /** What a rebuild installs. */
  readonly next: TestImages;
}

/** Tell one cell on a server of its own: what came of it. Throws when it does not end as it should. */
export async function tellByClient(world: World, cell: Cell, name: string, moment: number): Promise<string> {
  const { lab, site, journal } = world;
  const server = await (cell.server === "qemu" ? lab.server({ name }) : lab.paper({ name }));
  try {
    await enrol(site, server);
    const words = await storyOf(world, cell, server);
    const ask = () => asking(world, cell, nameOn(server), words);
    return await tell(cell, { journal, ask, checkEnd: () => checkEnd(world, cell, server) }, moment);
  } finally {
    await server.stop();
  }
}

/** What is asked for, and asked for again in the same words. */
async function storyOf({ site, images, next }: World, { story }: Cell, server: LabServer) {
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

async function asking(
  { site }: World,
  cell: Cell,
  instance: string,
  words: () => Promise<unknown>,
): Promise<Asking> {
  const helper = await site.pid();
  const heard = site.progress(instance).length;
  const failed = (error: Error) => ({
    worked: false,
    words: /\[([A-Z_]+)\]/.exec(error.message)?.[1] ?? error.message,
  });
  return {
    stages: () =>
      site
        .progress(instance)
        .slice(heard)
        .map(({ stage }) => stage),
    victim: () =>
      cell.who === "helper"
        ? helper
        : descendantThat(helper, cell.who === "dnsmasq" ? isDnsmasq : writerAt(cell.point)),
    ended: words().then(() => ({ worked: true, words: "worked" }), failed),
  };
}

async function checkEnd({ site, images, next }: World, cell: Cell, server: LabServer): Promise<string> {
  const { story } = cell;
  const instance = nameOn(server);
  const image = story === "rebuild" ? next.whole : images.whole;
  if (story === "deploy" || story === "rebuild") {
    const state = site.remembered("instances", instance);
    check(state?.["provisionState"] === "active", `it is ${state?.["provisionState"]}`);
    const listed = await site.site.instances.list(newContext());
    const mine = listed.filter(({ assignedNode }) => assignedNode === server.name);
    check(mine.length === 1, `there are ${mine.length} instances on it`);
    const before = (await commandsTo(server)).length;
    const args = story === "deploy" ? {} : { image: "next" };
    await install(site, server, args);
    check((await commandsTo(server)).length === before, "asked a third time, it gave power commands");
    await site.remove("instances", instance);
  } else check(site.remembered("instances", instance) === undefined, "it is still there");
  check(!(await server.isOn()), "its server is still on");
  if (story === "clean") check((await stat(server.diskPath())).blocks === 0, "its disk is not blank");
  else await expectWhole(server.diskPath(), image, { ran: cell.server === "qemu" });
  const node = await site.observe("nodes", server.name);
  check(node?.["provisionState"] === "available", `its node is ${node?.["provisionState"]}`);
  const files = (await bootFilesOf(site)).filter((path) => path.startsWith(`${instance}/`));
  check(files.length === 0, `boot files are left: ${files.join(", ")}`);
  await site.remove("interfaces", `${server.name}-eth0`);
  await site.remove("nodes", server.name);
  if (cell.server === "qemu") return "the real ramdisk's target keeps no log";
  return `${await expectOneWriter(server)} connections wrote`;
}
