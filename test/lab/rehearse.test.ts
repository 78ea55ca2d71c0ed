import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { type Lab, openLab } from "./lab/index.ts";
import { marksOf } from "./paper-servers.ts";
import { ipmi, programsRunning } from "./programs.ts";
import { bootFilesOf, enrol, openSite, type TestSite } from "./site.ts";

let folder: string;
let lab: Lab;
let site: TestSite;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rehearse-"));
  lab = await openLab({ dir: join(folder, "lab") });
  site = await openSite(lab, join(folder, "state"), { bootTransport: "http" });
});

afterAll(async () => {
  await site?.close();
  await lab?.close();
  const left = await programsRunning();
  await rm(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

describe("a rehearsal", () => {
  it("boots a server over the network, tells what it is, and leaves it off and unwritten", async () => {
    const server = await lab.paper({ name: "tried" });
    await enrol(site, server, { memory: "64 GiB" });
    const before = await marksOf(server);
    const told = await site.local.perform(newContext(), { kind: "rehearse", node: server.name });
    expect(told).toMatchObject({
      ...{ node: "tried", driver: "ipmi", machine: { serial: server.serial, macs: [server.mac] } },
      findings: ["it has 8 GiB of memory, declared are 64 GiB"],
    });
    expect(await server.console()).toContain("BAREMETAL up");
    // Its menu sent it to the port that serves large files.
    const byTftp = site.log.filter((line) => /dnsmasq: sent/.test(line));
    expect(byTftp.filter((line) => /deploy_(kernel|ramdisk)/.test(line))).toEqual([]);
    expect(byTftp.filter((line) => /pxelinux\.cfg/.test(line))).not.toEqual([]);
    expect(await marksOf(server)).toEqual(before);
    expect([await server.isOn(), await bootFilesOf(site)]).toEqual([false, []]);
    expect(await site.observe("nodes", server.name)).toMatchObject({
      ...{ provisionState: "available", powerState: "off", assignedInstance: "" },
    });
  });

  it("is refused on a server that somebody switched on, which stays on", async () => {
    const server = await lab.paper({ name: "busy" });
    await enrol(site, server);
    await ipmi(server, "power", "on");
    await expect(
      site.local.perform(newContext(), { kind: "rehearse", node: server.name }),
    ).rejects.toMatchObject({ code: "VISIT_RUNNING_SERVER" });
    expect(await server.isOn()).toBe(true);
  });
});
