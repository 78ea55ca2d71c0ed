import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildTestImages, imageCache, type TestImages } from "../../tools/images/index.ts";
import { type Lab, openLab, type PaperServer } from "./lab/index.ts";
import { programsRunning } from "./programs.ts";
import {
  bootFilesOf,
  commandsTo,
  declareSystems,
  enrol,
  install,
  nameOn,
  openSite,
  stagesOf,
  type TestSite,
} from "./site.ts";

let folder: string;
let lab: Lab;
let images: TestImages;
let site: TestSite;

beforeAll(async () => {
  images = await buildTestImages(imageCache());
  folder = await mkdtemp(join(tmpdir(), "deploy-again-"));
  lab = await openLab({ dir: join(folder, "lab") });
  site = await openSite(lab, join(folder, "state"));
  await declareSystems(site, images);
});

afterAll(async () => {
  const files = site ? await bootFilesOf(site) : [];
  await site?.close();
  await lab?.close();
  const left = await programsRunning();
  await rm(folder, { recursive: true, force: true });
  expect([files, left]).toEqual([[], []]);
});

/** Begin to install on these servers, close the site as soon as one of them has reached the stage, and open it again. */
async function cutOffAt(stage: string, servers: readonly PaperServer[]): Promise<void> {
  let reached = () => {};
  const there = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const outcomes = servers.map((server) =>
    install(site, server, {}, { onProgress: (progress) => progress.stage === stage && reached() }),
  );
  const ended = Promise.allSettled(outcomes);
  await Promise.race([there, ended]);
  const successor = site.reopen();
  const states = (await ended).map(({ status }) => status);
  site = await successor;
  expect(states, stage).toEqual(servers.map(() => "rejected"));
  // What wrote is gone with the helper that began it.
  expect((await programsRunning()).filter((stat) => /\((qemu|ipmitool|dnsmasq)/.test(stat))).toEqual([]);
}

const wipesOf = (server: PaperServer) =>
  stagesOf(site.progress(nameOn(server))).filter((stage) => stage === "wiping").length;

describe("a deployment whose helper died and has a successor", () => {
  it("goes on after the power-on and after a write that was cut off, and ends with one instance and the right disk", async () => {
    const server = await lab.paper({ name: "twice" });
    await enrol(site, server);

    await cutOffAt("waiting for the ramdisk", [server]);
    expect(await server.isOn()).toBe(true);
    await cutOffAt("wiping", [server]);
    expect(await server.isOn()).toBe(true);
    const before = await commandsTo(server);
    const state = await install(site, server);

    expect(state).toMatchObject({ provisionState: "active", answered: true, verified: "full" });
    expect(wipesOf(server)).toBe(1);
    // The ramdisk of the first run is still there: nobody had to switch anything before it was done.
    const since = (await commandsTo(server)).slice(before.length);
    expect(since.filter((command) => command.includes("power"))).toEqual([]);
    const { stdout } = await execa("qemu-img", [
      ...["compare", "-f", "qcow2", "-F", "raw", images.whole.disk.path, server.diskPath()],
    ]);
    expect(stdout).toContain("Images are identical");
    expect(await site.local.instances.list({} as never)).toHaveLength(1);
  });

  it("writes nothing again once all was written, and finds the server that somebody switched off meanwhile", async () => {
    const server = await lab.paper({ name: "late" });
    await enrol(site, server);
    await cutOffAt("switching boot", [server]);
    await server.pull();
    expect(await install(site, server)).toMatchObject({ provisionState: "active", answered: true });
    expect(wipesOf(server)).toBe(0);
    for (const name of ["twice", "late"]) await site.remove("instances", `on-${name}`);
  });
});
