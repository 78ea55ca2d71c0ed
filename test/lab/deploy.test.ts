import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { imageBlock } from "../../provider/drivers/write/blocks.ts";
import { readRange } from "../../provider/drivers/write/files.ts";
import { rootFileSystem } from "../../provider/drivers/write/head.ts";
import { newContext } from "../../provider/kernel/context.ts";
import type { State } from "../../provider/site/site.ts";
import type { TestImages } from "../../tools/images/index.ts";
import { hostKey } from "../../tools/images/system.ts";
import { type Lab, type LabServer, readBanner } from "./lab/index.ts";
import { type Operator, operatorAt } from "./operator.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import {
  bootFilesOf,
  commandsTo,
  enrol,
  install,
  instanceArgs,
  nameOn,
  stagesOf,
  type TestSite,
} from "./site.ts";

let rack: Rack;
let lab: Lab;
let images: TestImages;
let site: TestSite;
let web: LabServer;
let db: LabServer;
let operator: Operator;

beforeAll(async () => {
  rack = await openRack();
  ({ lab, images, site } = rack);
  [web, db] = (await Promise.all(["web", "db"].map((name) => lab.server({ name, sol: true })))) as [
    LabServer,
    LabServer,
  ];
});

afterAll(() => closeRack(rack, site));

// The whole line: told on the disk to phone home, the system does, with busybox for a cloud-init.
const partition = { image: "partition", waitFor: "phone-home" };
const told = [
  ...["claiming", "powering off", "configuring boot", "powering on", "waiting for the ramdisk"],
  ...["looking at the disk", "wiping", "writing", "verifying", "finishing"],
  ...["growing the root file system", "switching boot", "rebooting", "waiting for the system"],
];
const steps = [
  ...["fetch image", "power off", "configure boot", "power on", "call-back", "look at the disk", "write"],
  ...["grow the root", "switch boot", "done", "answer"],
];

/** The stages of `told`, in the order in which they came. The step that writes says so before it knows how much. */
const stagesTold = (server: LabServer) =>
  stagesOf(
    site
      .progress(nameOn(server))
      .filter(({ stage, percent }) => told.includes(stage) && (stage !== "writing" || percent !== undefined)),
  );

/** The console log of a server's instance, by who said it. */
async function heardOf(server: LabServer): Promise<ReadonlyMap<string, readonly string[]>> {
  const said = new Map<string, string[]>();
  for await (const { from, text } of site.local.console(newContext(), "instances", nameOn(server)))
    said.set(from, [...(said.get(from) ?? []), text]);
  return said;
}

describe("two servers of QEMU", () => {
  it("are installed at once, from both kinds of image, and answer", async () => {
    const power = { driver: "ipmi", console: "sol" };
    operator = await operatorAt(web);
    for (const server of [web, db]) await enrol(site, server, { power: { ...power, ...server.bmc } });
    const [webState, dbState] = await Promise.all([install(site, web), install(site, db, partition)]);

    for (const [state, server] of [[webState, web] as const, [dbState, db] as const]) {
      expect(state).toMatchObject({
        ...{ provisionState: "active", powerState: "on", reachable: true, answered: true, lastError: "" },
        ...{ assignedNode: server.name, serial: server.serial, macs: [server.mac], verified: "full" },
        rootDevice: `ata-QEMU_HARDDISK_${server.name}-0`,
      });
      expect(state["bytesWritten"]).toBeGreaterThan(24 * 2 ** 20);
      expect(stepsOf(state)).toEqual(steps);
      expect(stagesTold(server)).toEqual(told);
      const writing = site.progress(nameOn(server)).filter(({ stage }) => stage === "writing");
      const percents = writing.flatMap(({ percent }) => (percent === undefined ? [] : [percent]));
      expect(percents).toEqual(percents.toSorted((a, b) => a - b));
      expect([percents[0], percents.at(-1)]).toEqual([0, 100]);
      expect(writing.at(-1)?.rate).toBeGreaterThan(0);
    }
    expect(dbState["rootUuid"]).toBe(images.partition.uuid);
    console.log(`the root was grown in ${growing(webState)} and ${growing(dbState)} s`);
    // The images have 446 and 300 MiB; the disk has 4 GiB, the flavor declares 1.
    expect(Number(webState["rootSize"])).toBeGreaterThan(3.9 * 2 ** 30);
    expect(dbState["rootSize"]).toBe(2 ** 30);
    expect(await bannerOf(webState)).toContain(images.whole.banner);
    expect(await bannerOf(dbState)).toContain(images.partition.banner);
    expect(await db.console()).toContain("swap /dev/sda2");
    expect(await db.console()).toContain("phoned home");
    expect(dbState["hostKeys"]).toEqual([hostKey]);
  });

  it("left a log of what was heard of them, from the first DHCP request on", async () => {
    for (const server of [web, db]) {
      const said = await heardOf(server);
      expect(said.get("helper")?.join("\n")).toContain("waiting for the ramdisk");
      expect(said.get("dhcp")?.join("\n")).toContain(server.mac);
      expect(said.get("tftp")?.join("\n")).toContain("deploy_ramdisk");
      expect(said.get("ramdisk")?.join("\n")).toMatch(/BAREMETAL target/);
      expect([...said.values()].flat().join("\n")).not.toMatch(openKey);
    }
  });

  it("were heard on their serial lines, where no operator was listening already", async () => {
    const [theirs, ours] = [await heardOf(web), await heardOf(db)];
    const boot = ours.get("console")?.join("\n");
    expect(boot).toContain("Linux version");
    expect(boot).toContain("BAREMETAL");
    expect(boot).toContain("deployment_key=[secret]");
    expect(theirs.get("console")).toBeUndefined();
    expect(theirs.get("helper")?.join("\n")).toContain("no serial console: SOL payload already active");
    expect(await operator.end()).toContain("Linux version");
    // Nothing but what ends a session, which the controller keeps to itself.
    expect(db.cable?.typed().replace(/[^ -~]/g, "")).toBe("");
  });

  it("are not touched when the same is asked again", async () => {
    const before = [await commandsTo(web), await commandsTo(db)];
    for (const [server, given] of [[web, {}] as const, [db, partition] as const]) {
      const args = instanceArgs(site, server, given);
      expect(await site.plan("instances", nameOn(server), args)).toMatchObject({ actions: [], failures: [] });
      const old = site.remembered("instances", nameOn(server));
      expect(await install(site, server, given)).toEqual(old);
    }
    expect([await commandsTo(web), await commandsTo(db)]).toEqual(before);
  });

  it("are found off when their power was cut, and switched on again", async () => {
    await web.pull();
    const seen = await site.observe("instances", nameOn(web));
    expect(seen).toMatchObject({ power: "off", powerState: "off", reachable: true });
    const state = await install(site, web);
    expect(state).toMatchObject({ power: "on", powerState: "on", provisionState: "active" });
    expect(await bannerOf(state)).toContain(images.whole.banner);
    expect(stepsOf(state)).toEqual(steps);
  });

  it("are off, free and without boot files after their instances were removed", async () => {
    for (const server of [web, db]) await site.remove("instances", nameOn(server));
    expect([await web.isOn(), await db.isOn()]).toEqual([false, false]);
    // What the running systems have made of it: the table's partition, or the flavor's, filled and in use.
    expect(await fileSystemOn(web, 65 * mib)).toBeGreaterThan(3.9 * 2 ** 30);
    expect(await fileSystemOn(db, mib)).toBe(2 ** 30);
    expect(await bootFilesOf(site)).toEqual([]);
    expect(await readdir(join(site.stateDir, "hosts"))).toEqual([]);
    for (const server of [web, db]) {
      expect(await site.observe("instances", nameOn(server))).toBeUndefined();
      const free = { provisionState: "available", assignedInstance: "", powerState: "off" };
      expect(await site.observe("nodes", server.name)).toMatchObject(free);
    }
  });
});

/** A kernel repeats its command line on the serial line. */
const openKey = /deployment_key=(?!\[secret\])/;
const mib = 2 ** 20;

/** Bytes of the ext4 file system that begins there on a server's disk. */
async function fileSystemOn({ diskPath }: LabServer, at: number): Promise<number> {
  const image = imageBlock({ path: diskPath(), format: "qcow2" });
  const head = await readRange(newContext(), image, { start: at, length: 4096 }, rack.folder);
  const found = rootFileSystem(head);
  return found?.size ?? 0;
}

type Timeline = readonly { step: string; seconds: number }[];
const growing = (state: State) =>
  (state["timeline"] as Timeline).find(({ step }) => step === "grow the root")?.seconds;
const stepsOf = (state: State) => (state["timeline"] as readonly { step: string }[]).map(({ step }) => step);

const bannerOf = (state: State) => readBanner(String(state["address"]), "10 seconds");
