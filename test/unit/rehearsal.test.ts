import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { perform } from "../../provider/site/local/operations.ts";
import { findingsOf } from "../../provider/workflows/inspect.ts";
import { blankDisk } from "../fixtures/blank-disk.ts";
import { hardwareOf } from "../fixtures/hardware.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import { declare, enrol } from "../fixtures/site-world.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
  site.answerRamdisks();
  await declare(site);
  await enrol(site, "n1");
});
afterEach(() => site.close());

const rehearse = () => perform(site.ctx, site.parts, { kind: "rehearse", node: "n1" });
const reset = () => perform(site.ctx, site.parts, { kind: "reset", node: "n1" });
const node = async () => (await site.store.get("nodes", "n1"))?.state;
const server = () => site.serverAt("10.0.0.1");
const install = () =>
  site.instances.ensure(site.ctx, ref("web-1"), specs.instance({ node: undefined, candidates: ["n1"] }));

/** Nothing is left of it: where it was, off, free, and no byte written. */
async function asFound(provisionState = "available") {
  expect(await node()).toMatchObject({ provisionState, assignedInstance: "" });
  expect(server().state).toBe("off");
  expect(site.boot.serves(server().mac)).toBeUndefined();
  expect([await site.store.visit("n1"), (await site.store.claims()).size]).toEqual([undefined, 0]);
  expect(site.done).not.toContain("write");
}

describe("a rehearsal", () => {
  it("goes the way of a deployment, tells what was seen, and leaves the server as it was found", async () => {
    const told = await rehearse();
    expect(told).toMatchObject({
      ...{ node: "n1", driver: "ipmi", bootMode: "bios" },
      machine: { serial: "SN-1", macs: [server().mac], chosen: "sda" },
      hardware: { cpus: 4, nics: [{ mac: server().mac, speed: 10_000 }] },
    });
    expect(told["findings"]).toEqual(["sda has 37.3 GiB, declared are 100 GB"]);
    const steps = (told["steps"] as readonly { step: string }[]).map(({ step }) => step);
    expect(steps).toEqual([
      ...["fetch ramdisk", "power off", "configure boot", "power on", "call-back", "inspect", "leave"],
    ]);
    // Nothing was said to its ramdisk: it exports and writes nothing by itself.
    expect(site.done.join()).not.toContain("hears");
    await asFound();
    await install();
  });

  it("leaves a node that is not offered where it was", async () => {
    await site.store.patch("nodes", "n1", { provisionState: "manageable" });
    await rehearse();
    await asFound("manageable");
  });

  it.for([
    {
      what: "is on",
      when: () => {
        server().state = "on";
      },
      code: "VISIT_RUNNING_SERVER",
    },
    {
      what: "is on and offered all the same",
      when: async () => {
        await site.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1", { provide: true }));
        server().state = "on";
      },
      code: "VISIT_RUNNING_SERVER",
    },
    { what: "has an instance", when: () => install(), code: "VISIT_REFUSED" },
    {
      what: "is claimed",
      when: () => site.store.claim("n1", ref("web-1")),
      code: "VISIT_REFUSED",
    },
    {
      what: "is set aside",
      when: () => site.store.patch("nodes", "n1", { provisionState: "deploy failed" }),
      code: "VISIT_REFUSED",
    },
    {
      what: "has no card",
      when: () => site.interfaces.remove(site.ctx, ref("n1-eth0")),
      code: "VISIT_REFUSED",
    },
    {
      what: "is in maintenance",
      when: () => site.store.patch("nodes", "n1", { maintenanceReason: "a new fan" }),
      code: "DEPLOY_MAINTENANCE",
    },
    {
      what: "is abandoned",
      when: () => site.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1", { abandon: true })),
      code: "VISIT_REFUSED",
    },
  ])("is refused on a node that $what, and switches nothing", async ({ when, code }) => {
    await when();
    const before = { ...(await node()) };
    server().log.length = 0;
    await expect(rehearse()).rejects.toMatchObject({ code });
    expect(server().log.filter((verb) => /ensure|boot|cycle|soft/.test(verb))).toEqual([]);
    expect(await node()).toMatchObject({ provisionState: before["provisionState"] });
    expect((await site.store.claims()).get("n1") ?? "").not.toContain("visit");
  });

  it.for([
    {
      what: "ramdisk gives up",
      when: () => Object.assign(server(), { complains: "no driver" }),
      code: "INSPECT_FAILED",
    },
    {
      what: "machine is another one",
      when: () =>
        site.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1", { identity: { serial: "OTHER" } })),
      code: "DEPLOY_OTHER_MACHINE",
    },
  ])("fails in words, and leaves the server as it was found, when its $what", async ({ when, code }) => {
    await when();
    await expect(rehearse()).rejects.toMatchObject({ code });
    await asFound();
  });

  it("keeps instances off meanwhile, and a reset ends one whose helper died", async () => {
    const { accept } = site.parts.switchboard;
    const dying: typeof accept = async () => {
      queueMicrotask(() => void site.parts.jobs.stop(new Error("ended")));
      return { ok: false, reason: "one moment please" };
    };
    Object.assign(site.parts.switchboard, { accept: dying });
    await expect(rehearse()).rejects.toThrow("ended");
    Object.assign(site.parts.switchboard, { accept });
    expect([server().state, (await node())?.["provisionState"]]).toEqual(["on", "inspecting"]);
    await expect(install()).rejects.toThrow(/n1: it is rehearsed/);
    expect(await reset()).toMatchObject({ provisionState: "available", changed: true });
    await asFound();
  });

  it("goes on, asked again, with the ramdisk that is still there", async () => {
    const { accept } = site.parts.switchboard;
    Object.assign(site.parts.switchboard, {
      accept: async () => {
        queueMicrotask(() => void site.parts.jobs.stop(new Error("ended")));
        return { ok: false, reason: "one moment please" };
      },
    });
    await expect(rehearse()).rejects.toThrow("ended");
    Object.assign(site.parts.switchboard, { accept });
    server().log.length = 0;
    await rehearse();
    expect(server().log).not.toContain("ensure on");
    await asFound();
  });
});

describe("what a rehearsal finds", () => {
  const mac = "52:54:00:00:00:07";
  const spec = { cpus: 4, memory: "8 GiB", disk: "40 GB" } as const;
  const machine = {
    ...{ bootId: "b", serial: "S", productUuid: "", macs: [mac], firmware: "bios" as const },
    ...{ disks: [blankDisk()], chosen: "sda" },
  };
  const hardware = hardwareOf(mac);
  const [nic] = hardware.nics;
  it.for([
    { what: "nothing", lines: [] },
    {
      what: "that no disk is chosen, and why",
      machine: { chosen: undefined, disks: [blankDisk(), blankDisk({ name: "sdb", serial: "S-2" })] },
      lines: [expect.stringMatching(/^2 disks of node n1 .*sda.*sdb/)],
    },
    {
      what: "what the disk holds",
      machine: { disks: [blankDisk({ holds: "gpt" })] },
      lines: [expect.stringContaining("sda holds gpt")],
    },
    {
      what: "a smaller disk",
      machine: { disks: [blankDisk({ size: 1e9 })] },
      lines: ["sda has 953.7 MiB, declared are 40 GB"],
    },
    { what: "fewer processors", hardware: { cpus: 2 }, lines: ["it has 2 processors, declared are 4"] },
    {
      what: "less memory",
      hardware: { memory: 4 * 2 ** 30 },
      lines: ["it has 4 GiB of memory, declared are 8 GiB"],
    },
    { what: "no fault of what firmware keeps", hardware: { memory: 7.8 * 2 ** 30 }, lines: [] },
    {
      what: "a card that is not there",
      hardware: { nics: [{ ...nic, mac: "52:54:00:00:00:08" }] },
      lines: [`it has no card ${mac}, which the program declares; it has 52:54:00:00:00:08`],
    },
    {
      what: "a card without a link",
      hardware: { nics: [{ ...nic, link: false, speed: 0 }] },
      lines: [`eth0 (${mac}) has no link`],
    },
    {
      what: "a slow link",
      hardware: { nics: [{ ...nic, speed: 100 }] },
      lines: [`eth0 (${mac}) runs at 100 Mbit/s`],
    },
    { what: "no fault of a card that tells no speed", hardware: { nics: [{ ...nic, speed: 0 }] }, lines: [] },
  ])("is $what", ({ machine: other = {}, hardware: more = {}, lines }) => {
    const told = { ...hardware, ...more } as typeof hardware;
    expect(findingsOf({ name: "n1", spec }, [mac], { ...machine, ...other } as typeof machine, told)).toEqual(
      lines,
    );
  });
});
