import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FakeSite, openFakeSite, owner, ref, specs } from "../fixtures/site-parts.ts";
import * as world from "../fixtures/site-world.ts";
import { faults } from "../fixtures/site-world.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
});
afterEach(async () => {
  await site.close();
});
const stateOf = async (node: string) => (await site.store.get("nodes", node))?.state ?? {};

const enrol = (name: string, address?: string, more?: object) => world.enrol(site, name, address, more);
const declare = () => world.declare(site);
const installed = (name: string, node: string, more?: object, record?: object) =>
  world.installed(site, name, node, more, record);

describe("an installed instance", () => {
  beforeEach(async () => {
    await declare();
    await enrol("n1");
  });

  it("asked for again with nothing changed touches nothing", async () => {
    const state = await installed("web-1", "n1");
    const again = await site.instances.ensure(site.ctx, ref("web-1"), specs.instance({ node: "n1" }), {
      state,
    });
    expect(again).toMatchObject({ provisionState: "active", powerState: "on", assignedNode: "n1" });
    expect(site.serverAt("10.0.0.1").log).toEqual(["state"]);
    expect(site.done).toEqual([]);
  });

  it.for([
    { change: { power: "off" }, met: "on", log: ["state", "soft off"] },
    { change: { power: "off", hardReboot: true }, met: "on", log: ["state", "soft, then hard off"] },
    { change: { power: "off" }, met: "off", log: ["state"] },
    { change: {}, met: "off", log: ["state"], stays: "off" },
    { change: { rebootTrigger: "1" }, met: "on", log: ["state", "soft off", "ensure on"] },
    { change: { rebootTrigger: "1" }, met: "off", log: ["state", "ensure on"] },
    { change: { rebootTrigger: "1", power: "off" }, met: "on", log: ["state", "soft off"] },
    { change: { onDelete: "keep" }, met: "on", log: ["state"] },
  ] as const)("met $met with $change: $log", async ({ change, met, log, ...row }) => {
    const state = await installed("web-1", "n1");
    site.serverAt("10.0.0.1").state = met;
    const spec = specs.instance({ node: "n1", ...change });
    await site.instances.ensure(site.ctx, ref("web-1"), spec, { state });
    expect(site.serverAt("10.0.0.1").log).toEqual(log);
    // What no plan announced is not switched: a refresh finds it first.
    expect(site.serverAt("10.0.0.1").state).toBe("stays" in row ? row.stays : spec.power);
  });

  it("is not switched while its node is in maintenance, and not let go either", async () => {
    const state = await installed("web-1", "n1");
    await enrol("n1", "10.0.0.1", { maintenance: true });
    const off = site.instances.ensure(site.ctx, ref("web-1"), specs.instance({ node: "n1", power: "off" }), {
      state,
    });
    await expect(off).rejects.toMatchObject({ code: "DEPLOY_MAINTENANCE" });
    await expect(site.instances.remove(site.ctx, ref("web-1"))).rejects.toMatchObject({
      code: "DEPLOY_MAINTENANCE",
    });
    expect(site.serverAt("10.0.0.1").log.filter((verb) => verb !== "state")).toEqual([]);
    expect(await site.store.claimOf("web-1")).toBe("n1");
  });

  it("shows under its input's own name what a refresh found", async () => {
    const state = await installed("web-1", "n1");
    site.serverAt("10.0.0.1").state = "off";
    expect(await site.instances.observe(site.ctx, ref("web-1"), { state })).toMatchObject({
      power: "off",
      powerState: "off",
      __owner: owner,
    });
  });

  it("does not move from a written server that has not answered yet, unless that is allowed", async () => {
    const state = await installed("web-1", "n1", { node: undefined, candidates: ["n1"] });
    await site.store.put("instances", {
      ref: ref("web-1"),
      spec: specs.instance({ candidates: ["n1"] }),
      state: { ...state, provisionState: "wait call-back" },
    });
    await site.store.patch("nodes", "n1", { provisionState: "wait call-back" });
    await enrol("n2");
    const spec = specs.instance({ candidates: ["n2"] });
    const again = site.instances.ensure(site.ctx, ref("web-1"), spec, { state });
    await expect(again).rejects.toMatchObject({ code: "INSTANCE_WOULD_ERASE" });
    expect(site.serverAt("10.0.0.2").log).toEqual(["probe"]); // its enrolment
    expect(site.serverAt("10.0.0.1").log).not.toContain("ensure off");
  });
});

describe("an instance that is deleted", () => {
  beforeEach(async () => {
    await declare();
    await enrol("n1");
  });
  const ourDisk = () => site.store.keepDisk("n1", "wwn-1", ref("web-1"), "installed");

  it("is switched off and unserved, its disk released, its node free; deleted again is no harm", async () => {
    await installed("web-1", "n1");
    await ourDisk();
    await site.instances.remove(site.ctx, ref("web-1"));
    expect(site.serverAt("10.0.0.1")).toMatchObject({ state: "off", log: ["ensure off"] });
    expect(site.done).toEqual(["withdraw", "dismiss 52:54:00:00:00:01"]);
    expect(await stateOf("n1")).toMatchObject({
      provisionState: "available",
      assignedInstance: "",
      powerState: "off",
    });
    expect(await site.store.diskRecord("n1", "wwn-1")).toMatchObject({ state: "released" });
    expect([await site.store.claimOf("web-1"), await site.store.deployment("web-1")]).toEqual([
      undefined,
      undefined,
    ]);
    await site.instances.remove(site.ctx, ref("web-1"));
    expect(await site.instances.observe(site.ctx, ref("web-1"))).toBeUndefined();
  });

  it("with `keep` runs on, and neither its node nor its disk is anybody's by chance", async () => {
    await installed("web-1", "n1", { onDelete: "keep" });
    await ourDisk();
    await site.instances.remove(site.ctx, ref("web-1"));
    expect(site.serverAt("10.0.0.1")).toMatchObject({ state: "on", log: [] });
    expect(site.done).toEqual([]);
    expect(await stateOf("n1")).toMatchObject({ provisionState: "manageable", assignedInstance: "" });
    expect(await site.store.diskRecord("n1", "wwn-1")).toMatchObject({ state: "installed" });
    // Another of the same name comes and goes elsewhere: that does not open this disk.
    await enrol("n2");
    await installed("web-1", "n2");
    await site.instances.remove(site.ctx, ref("web-1"));
    expect(await site.store.diskRecord("n1", "wwn-1")).toMatchObject({ state: "installed" });
  });

  it("with `keep` in the middle of its deployment is not left booting into the writer", async () => {
    await installed("web-1", "n1", { onDelete: "keep" }, { done: false });
    await site.instances.remove(site.ctx, ref("web-1"));
    expect(site.serverAt("10.0.0.1").state).toBe("off");
    expect(site.done).toContain("withdraw");
    expect(await stateOf("n1")).toMatchObject({ provisionState: "available" });
  });

  it("does not switch a server off that it never touched", async () => {
    await installed("web-1", "n1", {}, { touched: false, done: false });
    await site.instances.remove(site.ctx, ref("web-1"));
    expect(site.serverAt("10.0.0.1")).toMatchObject({ state: "on", log: [] });
    await expect(site.nodes.observe(site.ctx, ref("n1"))).resolves.toMatchObject({ powerState: "on" });
    expect(await site.store.claimOf("web-1")).toBeUndefined();
  });

  it("is not forgotten when its server could not be switched off; a node set aside stays so", async () => {
    await installed("web-1", "n1", {}, { done: false });
    await site.store.patch("nodes", "n1", { provisionState: "deploy failed" });
    site.serverAt("10.0.0.1").failing.set("ensure off", faults.make("BMC_BROKEN", {}));
    await expect(site.instances.remove(site.ctx, ref("web-1"))).rejects.toMatchObject({ code: "BMC_BROKEN" });
    expect(await site.store.claimOf("web-1")).toBe("n1");
    expect(await site.store.get("instances", "web-1")).toBeDefined();
    site.serverAt("10.0.0.1").failing.clear();
    await site.instances.remove(site.ctx, ref("web-1"));
    expect(await stateOf("n1")).toMatchObject({ provisionState: "deploy failed" });
  });
});
