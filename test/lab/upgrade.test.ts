import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import type { SiteSettings } from "../../provider/site/settings.ts";
import type { Site } from "../../provider/site/site.ts";
import { buildTestImages, imageCache, type TestImages } from "../../tools/images/index.ts";
import { clientOfService, otherVersion, type Service, startService } from "./faults/service.ts";
import { sessionsOf, twoWriters } from "./faults/writers.ts";
import { expectWhole } from "./installed.ts";
import { type Lab, openLab, type PaperServer } from "./lab/index.ts";
import {
  commandsTo,
  declareSystems,
  enrol,
  install,
  nameOn,
  type Spoken,
  settingsOf,
  speak,
} from "./site.ts";

const port = 10_443;
let folder = "";
let images: TestImages;
let lab: Lab;
let settings: SiteSettings;
let service: Service;
let client: Site;
let site: Spoken;

beforeAll(async () => {
  images = await buildTestImages(imageCache());
  folder = await mkdtemp(join(tmpdir(), "upgrade-"));
  lab = await openLab({ dir: join(folder, "lab") });
  settings = settingsOf(lab, join(folder, "state"), {});
  await mkdir(settings.stateDir);
  service = await startService(settings, port);
  client = await clientOfService(settings, port, service);
  site = speak(client);
  await declareSystems(site, images);
});

afterAll(async () => {
  service?.kill("SIGTERM");
  await service?.ended;
  await lab?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Once, when a stage is reported. */
function at(stage: string, act: () => void) {
  let acted = false;
  return (progress: Progress) => {
    if (progress.stage !== stage || acted) return;
    acted = true;
    act();
  };
}

/** One system, written by one writer at a time, and nothing left to do. */
async function expectInstalled(server: PaperServer): Promise<void> {
  await expectWhole(server.diskPath(), images.whole);
  expect(twoWriters(await sessionsOf(server))).toEqual([]);
  const before = await commandsTo(server);
  const state = await install(site, server);
  expect(state).toMatchObject({ provisionState: "active", answered: true });
  const timeline = state["timeline"] as readonly { readonly step: string }[];
  expect(timeline.filter(({ step }) => step === "write")).toHaveLength(1);
  expect(await commandsTo(server)).toEqual(before);
}

describe("a service", () => {
  it("is replaced by a new version in the middle of a write, and its clients come back to the same deployment", async () => {
    const server = await lab.paper({ name: "u1" });
    await enrol(site, server);
    const before = (await client.about(newContext())).version;
    let upgraded: Promise<void> | undefined;
    const upgrade = async () => {
      service.kill("SIGTERM");
      expect(await service.ended).toBe(0);
      service = await startService(settings, port, await otherVersion(join(folder, "next"), "9.9.9"));
    };
    const onProgress = at("writing", () => {
      upgraded = upgrade();
    });
    expect(await install(site, server, {}, { onProgress })).toMatchObject({ provisionState: "active" });
    await upgraded;
    expect([before, (await client.about(newContext())).version]).toEqual([expect.any(String), "9.9.9"]);
    expect(before).not.toBe("9.9.9");
    await expectInstalled(server);
  });

  it("that is killed finishes, started again, what it had begun, and nobody has to ask", async () => {
    const server = await lab.paper({ name: "u2" });
    await enrol(site, server);
    const gone = new AbortController();
    const onProgress = at("writing", () => {
      gone.abort(new Error("the client is gone"));
      service.kill("SIGKILL");
    });
    const first = install(site, server, {}, { signal: gone.signal, onProgress });
    await expect(first).rejects.toThrow("the client is gone");
    await service.ended;
    service = await startService(settings, port);
    const mine = async () => {
      const listed = await client.instances.list(newContext());
      return listed.find(({ name }) => name === nameOn(server))?.["provisionState"];
    };
    while ((await mine()) !== "active") await pause(200);
    await expectInstalled(server);
  });

  it("that is drained by SIGUSR2 ends when what it has begun has ended, and refuses the rest meanwhile", async () => {
    const [server, late] = await Promise.all([lab.paper({ name: "u3" }), lab.paper({ name: "u4" })]);
    for (const one of [server, late]) await enrol(site, one);
    let refused: Promise<unknown> | undefined;
    const onProgress = at("writing", () => {
      service.kill("SIGUSR2");
      refused = pause(500).then(() => install(site, late).catch((error: Error) => error.message));
    });
    expect(await install(site, server, {}, { onProgress })).toMatchObject({ provisionState: "active" });
    expect(await service.ended).toBe(0);
    expect(await refused).toContain("[SITE_DRAINING]");
    expect((await commandsTo(late)).filter((command) => command.includes("power"))).toEqual([]);
    service = await startService(settings, port);
    await expectInstalled(server);
  });
});
