import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Lab, openLab } from "./lab/index.ts";
import { speakLldp } from "./lab/lldp.ts";
import { programsRunning } from "./programs.ts";
import { bootFilesOf, openSite, type TestSite } from "./site.ts";

let folder: string;
let lab: Lab;
let site: TestSite;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "inspect-"));
  lab = await openLab({ dir: join(folder, "lab") });
  site = await openSite(lab, join(folder, "state"));
});

afterAll(async () => {
  await site?.close();
  await lab?.close();
  const left = await programsRunning();
  await rm(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

describe("a node without sizes", () => {
  it("is booted by its own create, tells what it is, and is left off and unwritten", async () => {
    const server = await lab.server({ name: "unknown", memory: "768 MiB", disks: [{ size: "5 GB" }] });
    const silence = speakLldp(server.mac, {
      ...{ chassis: "00:11:22:33:44:55", port: "Ethernet1/7", name: "tor-1" },
      ...{ description: "rack 1 unit 7", vlan: 12 },
    });
    const { stdout: before } = await execa("sha256sum", [server.diskPath()]);
    const args = { power: { driver: "ipmi", ...server.bmc }, inspect: { mac: server.mac } };
    const state = await site.declare("nodes", server.name, args);
    await silence();
    expect(state).toMatchObject({
      ...{ provisionState: "available", powerState: "off", serial: server.serial },
      hardware: {
        ...{ cpus: 1, memory: 768 * 2 ** 20, vendor: "Lab", product: "virtual server" },
        ...{
          serial: server.serial,
          productUuid: server.uuid,
          bootMode: "bios",
          secureBoot: false,
          tpm: false,
        },
        nics: [
          {
            ...{ mac: server.mac, driver: "e1000", link: true, speed: 1000, boot: true },
            neighbour: {
              ...{ chassisId: "00:11:22:33:44:55", portId: "Ethernet1/7", systemName: "tor-1" },
              ...{ portDescription: "rack 1 unit 7", vlan: 12 },
            },
          },
        ],
      },
      disks: [{ name: "sda", size: 5e9, holds: "" }],
    });
    expect(site.progress(server.name).at(-1)?.note).toMatch(
      /^for the program: cpus: 1, memory: "768 MiB", disk: "5 GB"/,
    );
    expect([await server.isOn(), await bootFilesOf(site)]).toEqual([false, []]);
    const { stdout: after } = await execa("sha256sum", [server.diskPath()]);
    expect(after).toBe(before);
    const calls = (await server.calls()).length;
    expect((await site.plan("nodes", server.name, args)).effect).toBe("none");
    expect(await site.declare("nodes", server.name, args)).toMatchObject({
      hardware: state["hardware"] as object,
    });
    expect((await server.calls()).slice(calls).filter((call) => call.includes(" set "))).toEqual([]);
  });
});
