import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { owedTo } from "../../provider/site/local/debts.ts";
import type { State } from "../../provider/site/site.ts";
import { type FakeSite, openFakeSite, owner, ref, specs } from "../fixtures/site-parts.ts";
import { declare, enrol } from "../fixtures/site-world.ts";

const stranger = "org/shop/test";
let site: FakeSite;

const open = async (more: object = {}) => {
  site = await openFakeSite({ maxErase: 5, ...more });
  site.answerRamdisks();
  await declare(site);
  await enrol(site, "n1");
};
beforeEach(() => open());
afterEach(() => site.close());

const install = (name: string, more: object = {}, of = owner) =>
  site.instances.ensure(site.ctx, ref(name, of), specs.instance({ node: "n1", ...more }));
const plan = (name: string, more: object = {}, of = owner) =>
  site.instances.plan(site.ctx, ref(name, of), specs.instance({ node: "n1", ...more }), { dryRun: true });
const remove = (name: string, known: { state?: State; run?: string } = {}) =>
  site.instances.remove(site.ctx, ref(name), known);
const node = async () => (await site.store.get("nodes", "n1"))?.state;
const server = () => site.serverAt("10.0.0.1");
const wiped = () => site.done.filter((what) => what.includes("is wiped")).length;
const disk = "0x5000c50000000001";

describe('a delete with `onDelete: "clean"`', () => {
  it("erases the disk at once, and leaves the server off, free and unserved", async () => {
    await install("web-1", { onDelete: "clean" });
    expect(server().disk.holds).not.toBe("");
    await remove("web-1");
    expect(server()).toMatchObject({ state: "off", disk: { holds: "" } });
    expect(site.boot.serves(server().mac)).toBeUndefined();
    expect(await node()).toMatchObject({
      ...{ provisionState: "available", assignedInstance: "", powerState: "off" },
      lastClean: { method: "metadata", disks: [disk] },
    });
    expect([await site.store.disksLeft(), await site.store.visit("n1")]).toEqual([[], undefined]);
    // Nothing is left to clean, for whomever.
    await install("web-2", {}, stranger);
    expect(wiped()).toBe(1);
  });

  it("fails when its ramdisk refuses, sets the node aside, and is done by the next delete", async () => {
    await install("web-1", { onDelete: "clean" });
    server().complains = `disk ${disk} is never erased: it holds gfs2, which other servers may be using`;
    await expect(remove("web-1")).rejects.toMatchObject({ code: "CLEAN_FAILED" });
    expect(server().state).toBe("off");
    expect(await node()).toMatchObject({
      provisionState: "clean failed",
      lastError: expect.stringContaining("holds gfs2"),
    });
    // Held or not, nobody else gets it.
    await expect(install("web-2", {}, stranger)).rejects.toMatchObject({ code: "INSTANCE_NO_NODE" });
    server().complains = undefined;
    await remove("web-1");
    expect(await node()).toMatchObject({ provisionState: "available", lastError: "" });
    expect(server().disk.holds).toBe("");
  });

  it("goes on, after the helper was ended in the middle, with the ramdisk that is still there", async () => {
    await install("web-1", { onDelete: "clean" });
    const cut = site.parts.switchboard.accept;
    // The ramdisk is heard, and its helper ends before it has said anything.
    const accept = async (call: Parameters<typeof cut>[0]) => {
      if (call.mode === "clean") queueMicrotask(() => void site.parts.jobs.stop(new Error("ended")));
      return { ok: false as const, reason: "one moment please" };
    };
    Object.assign(site.parts.switchboard, { accept });
    await expect(remove("web-1")).rejects.toThrow("ended");
    Object.assign(site.parts.switchboard, { accept: cut });
    expect([server().state, (await node())?.["provisionState"]]).toEqual(["on", "cleaning"]);
    server().log.length = 0;
    await remove("web-1");
    expect(server().log.filter((verb) => verb === "ensure on")).toEqual([]);
    expect([server().state, server().disk.holds]).toEqual(["off", ""]);
  });

  it("counts among what the run may erase", async () => {
    await site.close();
    await open({ maxErase: 1 });
    await enrol(site, "n2");
    await install("web-1", { onDelete: "clean" });
    await install("web-2", { onDelete: "clean", node: "n2" });
    await remove("web-1", { run: "r1" });
    await expect(remove("web-2", { run: "r1" })).rejects.toMatchObject({ code: "ERASE_LIMIT" });
    expect(site.serverAt("10.0.0.2").disk.holds).not.toBe("");
    await remove("web-2", { run: "r2" });
  });

  it("refuses a disk that nobody knows, and says the way out", async () => {
    await install("web-1", { onDelete: "clean" });
    await site.store.forgetDisks("n1", [disk]);
    await expect(remove("web-1")).rejects.toMatchObject({ code: "CLEAN_DISK_UNKNOWN" });
    expect(wiped()).toBe(0);
    await site.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1", { clean: "none" }));
    await remove("web-1");
    expect(await node()).toMatchObject({ provisionState: "available" });
  });

  it("erases nothing of a system that was never written", async () => {
    site.writing.mockRejectedValueOnce(new Error("no"));
    await install("web-1", { onDelete: "clean" }).catch(() => {});
    await site.store.forgetDisks("n1", [disk]);
    await site.store.keepDeployment({ instance: "web-1", node: "n1", record: { id: "d", key: "k" } });
    await remove("web-1");
    expect(wiped()).toBe(0);
  });

  it("is told at preview where the node's own `clean` makes it idle", async () => {
    await site.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1", { clean: "none" }));
    const { warnings } = await plan("web-1", { onDelete: "clean" });
    expect(warnings.join()).toContain("erases nothing here");
    expect((await plan("web-1")).warnings).toEqual([]);
  });
});

describe("a node that another owner had", () => {
  beforeEach(async () => {
    await install("web-1");
    await remove("web-1");
  });

  it("is cleaned before it is installed, which the preview says", async () => {
    expect((await plan("db-1", {}, stranger)).says.join()).toContain(
      "installs: clean n1 of what its last owner left (metadata), power n1 off",
    );
    site.done.length = 0;
    const state = await install("db-1", {}, stranger);
    expect(state["provisionState"]).toBe("active");
    const order = site.done.filter((what) => / wiped|^write$/.test(what));
    expect(order).toEqual(["SN-1 is wiped", "write"]);
    expect(await node()).toMatchObject({ provisionState: "active", lastClean: { disks: [disk] } });
  });

  it("is given back to its own as it is", async () => {
    expect((await plan("web-2")).says.join()).not.toContain("clean");
    await install("web-2");
    expect(wiped()).toBe(0);
  });

  it("is given as it is where it is never cleaned", async () => {
    await site.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1", { clean: "none" }));
    await install("db-1", {}, stranger);
    expect(wiped()).toBe(0);
  });

  it("is cleaned by the method that it is declared with", async () => {
    await site.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1", { clean: "full" }));
    await install("db-1", {}, stranger);
    expect(await node()).toMatchObject({ lastClean: { method: "full" } });
  });

  it("is not handed on by being taken over as it is", async () => {
    server().state = "on";
    const { failures } = await plan("db-1", { adopt: true }, stranger);
    expect(failures).toMatchObject([{ property: "node", reason: expect.stringContaining("web-1 of org") }]);
    await expect(install("db-1", { adopt: true }, stranger)).rejects.toMatchObject({
      code: "INSTANCE_ADOPT_UNCLEAN",
    });
    expect((await plan("web-1", { adopt: true })).failures).toEqual([]);
  });

  it("is set aside when that fails; a reset gives it to nobody uncleaned", async () => {
    server().complains = "the disk sda does not answer";
    await expect(install("db-1", {}, stranger)).rejects.toMatchObject({ record: { code: "CLEAN_FAILED" } });
    expect(await node()).toMatchObject({ provisionState: "clean failed" });
    expect(site.done.includes("write") && site.done.filter((what) => what === "write")).toHaveLength(1);
    const free = { node: undefined, candidates: ["n1"] };
    const [failure] = (await plan("db-2", free, "org/shop/third")).failures;
    expect(failure?.reason).toContain("instance db-1 holds it");
    await site.instances.remove(site.ctx, ref("db-1", stranger));
    const [aside] = (await plan("db-2", free, "org/shop/third")).failures;
    expect(aside?.reason).toContain("it was set aside: cleaning node n1 failed");
    server().complains = undefined;
    const again = specs.node("10.0.0.1", { resetTrigger: "1" });
    expect(await site.nodes.ensure(site.ctx, ref("n1"), again)).toMatchObject({
      provisionState: "available",
    });
    await install("db-2", free, "org/shop/third");
    expect(wiped()).toBe(1);
  });

  it("is not chosen when nobody knows what to erase", async () => {
    await site.store.forgetDisks("n1", [disk]);
    await site.store.keepDisk("n1", "", ref("web-1"), "released");
    const [failure] = (await plan("db-1", {}, stranger)).failures;
    expect(failure?.reason).toMatch(/n1: node n1 is to be cleaned of instance web-1.*INSTANCE_NO_NODE/);
    expect((await plan("web-2")).failures).toEqual([]);
  });
});

describe("what is owed to an owner", () => {
  const left = { node: "n1", disk: "d", instance: "web-1", owner };
  it.for([
    { state: "released", of: stranger, clean: "metadata", owed: 1 },
    { state: "released", of: owner, clean: "metadata", owed: 0 },
    { state: "writing", of: stranger, clean: "metadata", owed: 1 },
    { state: "installed", of: stranger, clean: "metadata", owed: 0 },
    { state: "unclean", of: owner, clean: "full", owed: 1 },
    { state: "unclean", of: stranger, clean: "none", owed: 0 },
    { state: "released", of: stranger, clean: "none", owed: 0 },
  ] as const)("of a disk $state, asked by $of, cleaned by $clean: $owed", ({ state, of, clean, owed }) => {
    expect(owedTo(of, [{ ...left, state }], { clean })).toHaveLength(owed);
  });
});
