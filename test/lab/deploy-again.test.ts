import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import type { TestImages } from "../../tools/images/index.ts";
import { expectWhole } from "./installed.ts";
import type { Lab, PaperServer } from "./lab/index.ts";
import { programsRunning } from "./programs.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { bootFilesOf, commandsTo, enrol, install, nameOn, stagesOf, type TestSite } from "./site.ts";

let rack: Rack;
let lab: Lab;
let images: TestImages;
let site: TestSite;

beforeAll(async () => {
  rack = await openRack();
  ({ lab, images, site } = rack);
});

afterAll(() => closeRack(rack, site));

/** Begin to install, close the site as soon as the stage is reached and `more` has come true, and open it again. */
async function cutOffAt(stage: string, server: PaperServer, more: () => Promise<unknown> = async () => {}) {
  let reached = () => {};
  const there = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const onProgress = (progress: Progress) => progress.stage === stage && reached();
  const ended = Promise.allSettled([install(site, server, {}, { onProgress })]);
  await Promise.race([there, ended]);
  await more();
  const successor = site.reopen();
  const [outcome] = await ended;
  site = await successor;
  expect(outcome.status, stage).toBe("rejected");
  // What wrote is gone with the helper that began it.
  expect((await programsRunning()).filter((stat) => /\((qemu|ipmitool|dnsmasq)/.test(stat))).toEqual([]);
}

const wipesOf = (server: PaperServer) =>
  stagesOf(site.progress(nameOn(server))).filter((stage) => stage === "wiping").length;

describe("a deployment whose helper died and has a successor", () => {
  it("goes on after the power-on and after a write that was cut off, and ends with one instance and the right disk", async () => {
    const server = await lab.paper({ name: "twice" });
    await enrol(site, server);

    // Not before: a server whose boot files are not served any more stays where it is until it is switched off.
    await cutOffAt("waiting for the ramdisk", server, () => server.waitConsole("BAREMETAL up"));
    expect(await server.isOn()).toBe(true);
    // At once: before anything of the write has begun, and then when all but its end lies on the disk.
    await cutOffAt("writing", server);
    await cutOffAt("verifying", server);
    expect(await server.isOn()).toBe(true);
    const before = await commandsTo(server);
    const state = await install(site, server);

    expect(state).toMatchObject({ provisionState: "active", answered: true, verified: "full" });
    expect(wipesOf(server)).toBe(1);
    // The ramdisk of the first run is still there: nobody had to switch anything before it was done.
    const since = (await commandsTo(server)).slice(before.length);
    expect(since.filter((command) => command.includes("power"))).toEqual([]);
    await expectWhole(server.diskPath(), images.whole);
    expect(await site.local.instances.list(newContext())).toHaveLength(1);
  });

  it("writes nothing again once all was written", async () => {
    const server = await lab.paper({ name: "late" });
    await enrol(site, server);
    await cutOffAt("switching boot", server);
    expect(await install(site, server)).toMatchObject({ provisionState: "active", answered: true });
    expect(wipesOf(server)).toBe(0);
  });

  it("leaves nothing behind when it is removed, finished or in the middle of its write", async () => {
    const server = await lab.paper({ name: "given-up" });
    await enrol(site, server);
    let remove: Promise<void> | undefined;
    const onProgress = ({ stage }: Progress) => {
      if (stage === "verifying") remove ??= site.remove("instances", nameOn(server));
    };
    await expect(install(site, server, {}, { onProgress })).rejects.toThrow("deleted");
    await remove;
    for (const name of ["twice", "late"]) await site.remove("instances", `on-${name}`);
    expect(await server.isOn()).toBe(false);
    expect(await bootFilesOf(site)).toEqual([]);
    // What was begun there is this site's own.
    expect(await install(site, server, { image: "partition" })).toMatchObject({ provisionState: "active" });
    await site.remove("instances", nameOn(server));
  });
});
