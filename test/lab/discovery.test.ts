import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import type { Stranger } from "../../provider/workflows/discovery.ts";
import { type Lab, openLab, type PaperServer } from "./lab/index.ts";
import { marksOf } from "./paper-servers.ts";
import { ipmi, programsRunning } from "./programs.ts";
import { bootFilesOf, openSite, type TestSite } from "./site.ts";

let folder: string;
let lab: Lab;
const sites: TestSite[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "discovery-"));
  lab = await openLab({ dir: join(folder, "lab") });
});

afterAll(async () => {
  for (const site of sites) await site.close();
  await lab?.close();
  const left = await programsRunning();
  await rm(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

async function open(name: string, settings: Parameters<typeof openSite>[2] = {}): Promise<TestSite> {
  const site = await openSite(lab, join(folder, name), settings);
  sites.push(site);
  return site;
}

/** Serve DHCP for a few seconds, and tell who was heard by then. */
async function listen(site: TestSite, listening: "6 seconds" | "20 seconds"): Promise<readonly Stranger[]> {
  const told = await site.local.perform(newContext(), { kind: "discovered", listen: listening });
  return told["strangers"] as readonly Stranger[];
}

async function startFromNetwork(server: PaperServer): Promise<void> {
  await ipmi(server, "chassis", "bootdev", "pxe");
  await ipmi(server, "power", "on");
}

describe("a server that nobody declared and that boots from the network", () => {
  it("is listed, and not answered, without the setting", async () => {
    const site = await open("closed");
    const server = await lab.paper({ name: "unanswered" });
    const listening = listen(site, "6 seconds");
    await startFromNetwork(server);
    expect(await listening).toMatchObject([
      { mac: server.mac, vendorClass: expect.stringMatching(/^PXEClient:Arch:00000/) },
    ]);
    expect(await server.console()).not.toContain("BAREMETAL");
    expect(await bootFilesOf(site)).toEqual([]);
    await server.pull();
    await site.close();
  });

  it("boots the ramdisk once with `discovery`, tells what it is, and is let go, unwritten", async () => {
    const site = await open("open", { discovery: true });
    const server = await lab.paper({ name: "answered" });
    const before = await marksOf(server);
    const listening = listen(site, "20 seconds");
    await startFromNetwork(server);
    await server.waitConsole("BAREMETAL done");
    await vi.waitFor(async () => expect(await bootFilesOf(site)).toEqual([]));
    // It has no power switch of its own: it boots again, and nobody answers.
    await server.waitConsole("no DHCP server answers", "30 seconds");
    expect(await listening).toMatchObject([
      {
        mac: server.mac,
        hardware: { serial: server.serial, nics: [{ mac: server.mac }] },
        disks: [{ name: "sda" }],
      },
    ]);
    expect((await server.console()).match(/BAREMETAL up/g)).toHaveLength(1);
    expect(await marksOf(server)).toEqual(before);
    await site.close();
  });
});
