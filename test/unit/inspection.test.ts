import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkInputs } from "../../provider/pulumi/check.ts";
import { Node } from "../../provider/resources/node.ts";
import { sized, unsized } from "../../provider/resources/sizes.ts";
import { PartlyDone, type State } from "../../provider/site/site.ts";
import { blankDisk } from "../fixtures/blank-disk.ts";
import { hardwareOf } from "../fixtures/hardware.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import { declare, enrol } from "../fixtures/site-world.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
  site.answerRamdisks();
  await declare(site);
});
afterEach(() => site.close());

const open = { cpus: undefined, memory: undefined, disk: undefined };
const mac = "52:54:00:00:00:01";
const spec = (more: object = {}) => specs.node("10.0.0.1", { ...open, inspect: { mac }, ...more });
const inspect = (more: object = {}, state?: State) =>
  site.nodes.ensure(site.ctx, ref("n1"), spec(more), state ? { state } : {});
const plan = (more: object = {}, name = "n1") =>
  site.nodes.plan(site.ctx, ref(name), spec(more), { dryRun: true });
const node = async () => (await site.store.get("nodes", "n1"))?.state;
const server = () => site.serverAt("10.0.0.1");
const acts = () => server().log.filter((verb) => /ensure|boot|cycle|soft/.test(verb));
const install = (more: object = {}) =>
  site.instances.ensure(
    site.ctx,
    ref("web-1"),
    specs.instance({ node: undefined, candidates: ["n1"], ...more }),
  );

describe("a node with `inspect`", () => {
  it("is booted once in its own create, tells what it is, is left off, and needs no Interface for that", async () => {
    const told: object[] = [];
    const ctx = { ...site.ctx, report: (progress: object) => void told.push(progress) };
    expect(await plan()).toMatchObject({
      failures: [],
      says: [`boot n1 once from the network through ${mac}, inspect it, leave it off and unwritten`],
    });
    const state = await site.nodes.ensure(ctx, ref("n1"), spec());
    expect(state).toMatchObject({
      ...{ provisionState: "available", powerState: "off", assignedInstance: "" },
      hardware: {
        ...{
          cpus: 4,
          memory: 8 * 2 ** 30,
          serial: "SN-1",
          bootMode: "bios",
          tpm: true,
          inspectedThrough: mac,
        },
        nics: [{ name: "eth0", mac, speed: 10_000 }],
      },
      disks: [{ name: "sda" }],
    });
    // The inputs stay as they were written: what was found is no difference to the next run.
    expect([state["cpus"], state["memory"], state["disk"]]).toEqual([undefined, undefined, undefined]);
    expect(told).toContainEqual({
      stage: "inspected",
      note: 'for the program: cpus: 4, memory: "8192 MiB", disk: "40 GB", bootMode: "bios", identity: { serial: "SN-1" }',
      kept: true,
    });
    expect([server().state, site.boot.serves(mac), (await site.store.claims()).size]).toEqual([
      "off",
      undefined,
      0,
    ]);
    expect(site.done).not.toContain("write");
  });

  it("keeps what was found: asked again, and after its record was lost, nothing is booted", async () => {
    const first = await inspect();
    server().log.length = 0;
    expect((await plan()).effect).toBe("none");
    await inspect({}, first);
    const other = await openFakeSite();
    try {
      const again = await other.nodes.ensure(other.ctx, ref("n1"), spec(), { state: first });
      expect(again["hardware"]).toEqual(first["hardware"]);
      expect(other.serverAt("10.0.0.1").log).toEqual(["probe"]);
    } finally {
      await other.close();
    }
    expect(acts()).toEqual([]);
  });

  it("is inspected again through another card, in place", async () => {
    await inspect({ inspect: { mac: "52:54:00:00:00:99" }, maintenance: true });
    expect((await plan()).effect).toBe("power");
    expect(await inspect()).toMatchObject({ hardware: { inspectedThrough: mac } });
  });

  it("is chosen by the sizes that were found, and those that are declared go before them", async () => {
    await inspect();
    await site.interfaces.ensure(site.ctx, ref("n1-eth0"), specs.card("n1", mac));
    await site.flavors.ensure(site.ctx, ref("large"), { ...specs.flavor, cpus: 5 });
    await expect(install({ flavor: "large" })).rejects.toThrow("it has 4 CPUs, asked are 5");
    await site.flavors.ensure(site.ctx, ref("wide"), { ...specs.flavor, rootDisk: "1 TB" });
    await expect(install({ flavor: "wide" })).rejects.toThrow("its disk has 40 GB");
    await inspect({ cpus: 8 });
    await install({ flavor: "large" });
  });

  it("is given to nobody while two disks may be the system's, until hints say which", async () => {
    server().others = [blankDisk({ name: "sdb", serial: "D-2", wwn: "0x2", byId: "wwn-0x2" })];
    await inspect();
    await site.interfaces.ensure(site.ctx, ref("n1-eth0"), specs.card("n1", mac));
    await expect(install()).rejects.toThrow("its disk is neither declared nor seen by an inspection");
    await inspect({ rootDeviceHints: { serial: "D-1" } });
    await install();
  });

  it.for([
    { what: "no MAC", inspect: { mac: "52:54:00" }, at: "inspect.mac", reason: /Expected a MAC/ },
    { what: "a group address", inspect: { mac: "01:00:5e:00:00:01" }, at: "inspect.mac", reason: /unicast/ },
    { what: "nothing", inspect: {}, at: "inspect.mac", reason: /Expected|Required/ },
    { what: "no inspection at all", inspect: undefined, at: "cpus", reason: /or `inspect`, which finds it/ },
  ])("is refused by its own words with $what", ({ inspect: given, at, reason }) => {
    const { failures } = checkInputs(Node, { name: "n1", power: spec().power, inspect: given });
    expect(failures.find(({ property }) => property === at)?.reason).toMatch(reason);
  });

  it("is refused at preview with a card of another node, by Interface or by `inspect`", async () => {
    await enrol(site, "n2");
    const { failures } = await plan({ inspect: { mac: "52:54:00:00:00:02" } });
    expect(failures).toMatchObject([{ property: "inspect.mac", reason: expect.stringContaining("node n2") }]);
    await inspect();
    const twin = await site.nodes.plan(site.ctx, ref("n3"), {
      ...spec(),
      power: specs.node("10.0.0.3").power,
    });
    expect(twin.failures).toMatchObject([{ reason: expect.stringContaining("NODE_MAC_TAKEN") }]);
    const card = await site.interfaces.plan(site.ctx, ref("n2-eth1"), specs.card("n2", mac));
    expect(card.failures).toMatchObject([{ property: "mac", reason: expect.stringContaining("node n1") }]);
  });

  it("is refused at preview, and by the work itself, while an instance is on it", async () => {
    await enrol(site, "n1");
    await install();
    server().log.length = 0;
    const { failures } = await site.nodes.plan(
      site.ctx,
      ref("n1"),
      specs.node("10.0.0.1", { inspect: { mac } }),
    );
    expect(failures).toMatchObject([
      { property: "inspect", reason: expect.stringMatching(/instance web-1 is on it.*VISIT_REFUSED/) },
    ]);
    await expect(inspect({ cpus: 4, memory: "8 GiB", disk: "100 GB" })).rejects.toMatchObject({
      code: "VISIT_REFUSED",
    });
    expect(acts()).toEqual([]);
  });

  it("is refused at preview for an architecture that has no ramdisk of ours", async () => {
    const { failures } = await plan({ arch: "i386", clean: "none" });
    expect(failures).toMatchObject([
      { property: "inspect", reason: expect.stringContaining("VISIT_REFUSED") },
    ]);
  });

  it("is refused on a server that is on, which stays on, and is not enrolled", async () => {
    server().state = "on";
    await expect(inspect()).rejects.toMatchObject({ code: "VISIT_RUNNING_SERVER" });
    expect([server().state, acts(), await node()]).toEqual(["on", [], undefined]);
  });

  it("waits, and says so, while nobody may touch it", async () => {
    expect((await plan({ maintenance: true })).warnings).toMatchObject([/is not inspected while nobody/]);
    await inspect({ maintenance: true });
    expect(acts()).toEqual([]);
    await inspect();
    expect(await node()).toMatchObject({ hardware: { cpus: 4 } });
  });

  it("is kept, with the reason, when its ramdisk gives up, and the next update tries again", async () => {
    server().complains = "no driver";
    const failed = await inspect().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(PartlyDone);
    expect((failed as PartlyDone).state).toMatchObject({
      ...{ name: "n1", provisionState: "available", lastError: expect.stringContaining("no driver") },
    });
    expect([server().state, (await site.store.claims()).size]).toEqual(["off", 0]);
    server().complains = undefined;
    expect((await plan()).effect).toBe("power");
    expect(await inspect()).toMatchObject({ lastError: "", hardware: { cpus: 4 } });
  });

  it.for([
    { what: "goes on, asked again,", next: () => inspect(), hardware: { cpus: 4 } },
    { what: "can be deleted", next: () => site.nodes.remove(site.ctx, ref("n1")), hardware: undefined },
  ])("$what after its helper died", async ({ next, hardware }) => {
    const { accept } = site.parts.switchboard;
    const dying: typeof accept = async () => {
      queueMicrotask(() => void site.parts.jobs.stop(new Error("ended")));
      return { ok: false, reason: "one moment please" };
    };
    Object.assign(site.parts.switchboard, { accept: dying });
    await expect(inspect()).rejects.toThrow("ended");
    Object.assign(site.parts.switchboard, { accept });
    expect([server().state, (await node())?.["provisionState"]]).toEqual(["on", "inspecting"]);
    await next();
    expect([server().state, (await site.store.claims()).size]).toEqual(["off", 0]);
    expect((await node())?.["hardware"]).toEqual(hardware && expect.objectContaining(hardware));
  });
});

describe("sizes", () => {
  const hardware = hardwareOf(mac);
  const disks = [blankDisk()].map(({ sector: _, zero: __, ...disk }) => disk);
  const two = [...disks, ...disks.map((disk) => ({ ...disk, name: "sdb", serial: "other" }))];
  it.for([
    {
      what: "as declared",
      spec: { cpus: 1, memory: "1 GiB", disk: "1 GB" } as const,
      seen: { hardware, disks },
      open: [],
    },
    { what: "as seen", spec: {}, seen: { hardware, disks }, open: [] },
    { what: "open where nobody looked", spec: { cpus: 1 }, seen: { disks }, open: ["memory", "disk"] },
    { what: "open where two disks are meant", spec: {}, seen: { hardware, disks: two }, open: ["disk"] },
  ])("are $what", ({ spec: given, seen, open: left }) => {
    const all = sized(given, seen, {});
    expect(unsized(all)).toEqual(left);
    expect(all).toMatchObject(given);
  });
});
