import { stat } from "node:fs/promises";
import { newContext } from "../../../provider/kernel/context.ts";
import type { TestImages } from "../../../tools/images/index.ts";
import { expectWhole } from "../installed.ts";
import { type Lab, type LabServer, readBanner } from "../lab/index.ts";
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
    const mend = async () => {
      if (cell.fault === "blackout") await server.pull();
    };
    return await tell(cell, { journal, ask, mend, checkEnd: () => checkEnd(world, cell, server) }, moment);
  } finally {
    await server.stop();
  }
}

/** What is asked for, and asked for again in the same words. */
async function storyOf({ site, images, next }: World, { story, image }: Cell, server: LabServer) {
  const onDelete = story === "clean" ? { onDelete: "clean" } : {};
  if (story === "deploy") return () => install(site, server, { ...(image ? { image } : {}) });
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
    text: error.message,
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
    ended: words().then(() => ({ worked: true, words: "worked", text: "" }), failed),
  };
}

async function checkEnd(world: World, cell: Cell, server: LabServer): Promise<string> {
  const { site } = world;
  const { story } = cell;
  const instance = nameOn(server);
  if (story === "deploy" || story === "rebuild") await checkActive(world, cell, server);
  else check(site.remembered("instances", instance) === undefined, "it is still there");
  check(!(await server.isOn()), "its server is still on");
  await checkDisk(world, cell, server);
  const node = await site.observe("nodes", server.name);
  check(node?.["provisionState"] === "available", `its node is ${node?.["provisionState"]}`);
  const files = (await bootFilesOf(site)).filter((path) => path.startsWith(`${instance}/`));
  check(files.length === 0, `boot files are left: ${files.join(", ")}`);
  await site.remove("interfaces", `${server.name}-eth0`);
  await site.remove("nodes", server.name);
  if (cell.server === "qemu") return "the real ramdisk's target keeps no log";
  return `${await expectOneWriter(server)} connections wrote`;
}

/** It is there once, and nothing is left to do; then it is removed. */
async function checkActive({ site, images }: World, cell: Cell, server: LabServer): Promise<void> {
  const instance = nameOn(server);
  const state = site.remembered("instances", instance) ?? {};
  check(state["provisionState"] === "active", `it is ${state["provisionState"]}`);
  const listed = await site.site.instances.list(newContext());
  const mine = listed.filter(({ assignedNode }) => assignedNode === server.name);
  check(mine.length === 1, `there are ${mine.length} instances on it`);
  const before = (await commandsTo(server)).length;
  const image = cell.story === "rebuild" ? "next" : (cell.image ?? "whole");
  await install(site, server, { image });
  check((await commandsTo(server)).length === before, "asked a third time, it gave power commands");
  if (cell.image === "partition") {
    check(state["rootUuid"] === images.partition.uuid, `its root is ${state["rootUuid"]}`);
    const banner = await readBanner(String(state["address"]), "20 seconds");
    check(banner.includes(images.partition.banner), `it says ${banner}`);
  }
  await site.remove("instances", instance);
}

async function checkDisk({ images, next }: World, cell: Cell, server: LabServer): Promise<void> {
  const disk = server.diskPath();
  if (cell.story === "clean") return check((await stat(disk)).blocks === 0, "its disk is not blank");
  if (cell.image === "partition") return; // its root was told by its UUID
  const image = cell.story === "rebuild" ? next.whole : images.whole;
  await expectWhole(disk, image, { ran: cell.server === "qemu" });
}
