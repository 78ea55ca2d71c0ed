import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { defineErrors } from "../../provider/kernel/errors.ts";
import { openLocalSite } from "../../provider/site/local/index.ts";
import type { Collection } from "../../provider/site/site.ts";
import { type FakeSite, openFakeSite, owner, ref, specs } from "../fixtures/site-parts.ts";
import * as world from "../fixtures/site-world.ts";
import { partly } from "../fixtures/site-world.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
});
afterEach(async () => {
  await site.close();
});
const faults = defineErrors({
  NODE_BROKEN: { text: "the node is broken", remedy: "Mend it.", fault: "node" },
  BMC_BROKEN: { text: "the controller is broken", remedy: "Mend it.", fault: "controller" },
  IMAGE_BROKEN: { text: "the image is broken", remedy: "Mend it.", fault: "image" },
  HOST_BROKEN: { text: "the host is broken", remedy: "Mend it.", fault: "host" },
});
const copy = "org/shop/copy";
const stateOf = async (node: string) => (await site.store.get("nodes", node))?.state ?? {};
const failuresOf = async (plan: ReturnType<Collection["plan"]>) => (await plan).failures;

const enrol = (name: string, address?: string, more?: object) => world.enrol(site, name, address, more);
const declare = () => world.declare(site);
const installed = (name: string, node: string, more?: object, record?: object) =>
  world.installed(site, name, node, more, record);

describe("every collection", () => {
  it("keeps a name for the stack that has it", async () => {
    await site.flavors.ensure(site.ctx, ref("f"), specs.flavor);
    const failures = await failuresOf(site.flavors.plan(site.ctx, ref("f", copy), specs.flavor));
    expect(failures).toMatchObject([{ property: "name", reason: expect.stringContaining(owner) }]);
    for (const doing of [
      site.flavors.ensure(site.ctx, ref("f", copy), specs.flavor),
      site.flavors.observe(site.ctx, ref("f", copy)),
      site.flavors.remove(site.ctx, ref("f", copy)),
    ])
      await expect(doing).rejects.toMatchObject({ code: "SITE_NAME_TAKEN" });
  });

  it("changes and deletes nothing for a stack that was copied", async () => {
    const state = { ...(await site.flavors.ensure(site.ctx, ref("f"), specs.flavor)), __owner: owner };
    const known = { state };
    for (const doing of [
      site.flavors.ensure(site.ctx, ref("f", copy), specs.flavor, known),
      site.flavors.remove(site.ctx, ref("f", copy), known),
    ])
      await expect(doing).rejects.toMatchObject({ code: "SITE_OWNER_MOVED" });
    expect(await failuresOf(site.flavors.plan(site.ctx, ref("f", copy), specs.flavor, known))).toHaveLength(
      1,
    );
    expect(await site.store.get("flavors", "f")).toBeDefined();
  });

  it("refuses another name for what is there", async () => {
    const known = { state: { name: "f" } };
    const failures = await failuresOf(site.flavors.plan(site.ctx, ref("g"), specs.flavor, known));
    expect(failures).toMatchObject([{ property: "name", reason: expect.stringContaining("SITE_RENAMED") }]);
    await expect(site.flavors.ensure(site.ctx, ref("g"), specs.flavor, known)).rejects.toThrow(
      "SITE_RENAMED",
    );
  });

  it("never takes a lost record for a lost thing; gone is only what its owner removed", async () => {
    const known = { state: { name: "f", siteId: "another site", cpus: 7 } };
    expect(await site.flavors.observe(site.ctx, ref("f"), known)).toEqual(known.state);
    expect(site.words.join()).toContain("no record");
    await expect(site.flavors.remove(site.ctx, ref("f"), known)).rejects.toMatchObject({
      code: "SITE_LOST_RECORD",
    });
    await site.flavors.ensure(site.ctx, ref("f"), specs.flavor, known);
    expect(await site.flavors.observe(site.ctx, ref("f"), known)).toMatchObject({ cpus: 1 });
    await site.flavors.remove(site.ctx, ref("f"), known);
    expect(await site.flavors.observe(site.ctx, ref("f"), known)).toBeUndefined();
    await site.flavors.remove(site.ctx, ref("f"), known);
  });

  it("keeps nothing of a failure before anything was done", async () => {
    site.serverAt("10.0.0.1").failing.set("probe", faults.make("BMC_BROKEN", {}));
    await expect(enrol("n1")).rejects.toMatchObject({ code: "BMC_BROKEN" });
    expect(await site.nodes.list(site.ctx)).toEqual([]);
  });

  it("keeps what is hidden out of the store, and gives it back", async () => {
    const spec = { ...specs.flavor, __owner: owner, __urn: "u" };
    expect(await site.flavors.ensure(site.ctx, ref("f"), spec)).toMatchObject({ __urn: "u" });
    const { spec: kept, state } = (await site.store.get("flavors", "f")) ?? {};
    expect(JSON.stringify(kept)).not.toContain("__");
    // Whose declaration it is: a resource that was given another logical name is not the one that is deleted then.
    expect(Object.keys(state ?? {}).filter((key) => key.startsWith("__"))).toEqual(["__urn"]);
    expect(JSON.stringify(await site.flavors.list(site.ctx))).not.toContain("__");
  });
});

describe("a node", () => {
  it.for([
    { met: "off", given: {}, stands: "available" },
    { met: "on", given: {}, stands: "manageable" },
    { met: "on", given: { provide: true }, stands: "available" },
  ] as const)("that is met $met with $given is $stands", async ({ met, given, stands }) => {
    site.serverAt("10.0.0.1").state = met;
    expect(await enrol("n1", "10.0.0.1", given)).toMatchObject({ provisionState: stands, powerState: met });
    expect(site.serverAt("10.0.0.1").log).toEqual(["probe"]);
  });

  it.for([
    { before: "manageable", met: "on", given: { provide: true }, stands: "available" },
    { before: "manageable", met: "off", given: {}, stands: "available" },
    { before: "manageable", met: "on", given: {}, stands: "manageable" },
    { before: "available", met: "on", given: {}, stands: "available" },
    { before: "deploy failed", met: "off", given: {}, stands: "deploy failed", lastError: "why" },
    { before: "deploy failed", met: "off", given: { resetTrigger: "1" }, stands: "available", lastError: "" },
    { before: "error", met: "off", given: { resetTrigger: "1" }, stands: "available", lastError: "" },
    { before: "deploying", met: "on", given: { resetTrigger: "1" }, stands: "deploying" },
    { before: "active", met: "on", given: { resetTrigger: "1" }, stands: "active" },
  ] as const)("that was $before, met $met with $given, is $stands", async (row) => {
    await enrol("n1");
    await site.store.patch("nodes", "n1", { provisionState: row.before, lastError: "why" });
    site.serverAt("10.0.0.1").state = row.met;
    const state = await enrol("n1", "10.0.0.1", row.given);
    expect(state).toMatchObject({ provisionState: row.stands });
    if ("lastError" in row) expect(state["lastError"]).toBe(row.lastError);
  });

  it("that was set aside while its instance still holds it can be reset", async () => {
    await enrol("n1");
    await site.store.claim("n1", ref("web-1"));
    await site.store.patch("nodes", "n1", { provisionState: "deploy failed", lastError: "why" });
    const state = await enrol("n1", "10.0.0.1", { resetTrigger: "1" });
    expect(state).toMatchObject({ provisionState: "available", lastError: "", assignedInstance: "web-1" });
  });

  it("of whose record nothing is left, but of whose instance the state tells, is offered to nobody", async () => {
    const known = { state: { name: "n1", siteId: "another site", assignedInstance: "web-1" } };
    const state = await site.nodes.ensure(
      site.ctx,
      ref("n1"),
      specs.node("10.0.0.1", { provide: true }),
      known,
    );
    expect(state).toMatchObject({ provisionState: "manageable" });
  });

  it("shares its controller with no other", async () => {
    await enrol("n1");
    const failures = await failuresOf(site.nodes.plan(site.ctx, ref("n2"), specs.node("10.0.0.1")));
    expect(failures).toMatchObject([{ property: "power.address", reason: expect.stringContaining("n1") }]);
    await expect(enrol("n2", "10.0.0.1")).rejects.toMatchObject({ code: "NODE_SAME_CONTROLLER" });
  });

  it("in maintenance is left alone, once it is enrolled", async () => {
    await enrol("n1");
    site.serverAt("10.0.0.1").log.length = 0;
    await enrol("n1", "10.0.0.1", { maintenance: true });
    expect(site.serverAt("10.0.0.1").log).toEqual([]);
  });

  it("that is held is not removed", async () => {
    await enrol("n1");
    await site.store.claim("n1", ref("web-1"));
    await expect(site.nodes.remove(site.ctx, ref("n1"))).rejects.toMatchObject({ code: "NODE_IN_USE" });
  });
});

describe("an interface", () => {
  const mac = "52:54:00:00:00:01";
  it("is declared once in a run, and once in a site", async () => {
    await enrol("n1");
    const card = specs.card("n1", mac);
    const again = await failuresOf(site.interfaces.plan(site.ctx, ref("x", copy), card));
    expect(again).toMatchObject([{ property: "mac", reason: expect.stringContaining("n1-eth0") }]);
    await expect(site.interfaces.ensure(site.ctx, ref("x", copy), card)).rejects.toThrow(
      "INTERFACE_MAC_TAKEN",
    );
    const known = { run: "r1" };
    const fresh = specs.card("n1", "52:54:00:00:00:99");
    expect(await failuresOf(site.interfaces.plan(site.ctx, ref("a"), fresh, known))).toEqual([]);
    expect(await failuresOf(site.interfaces.plan(site.ctx, ref("a"), fresh, known))).toEqual([]);
    expect(await failuresOf(site.interfaces.plan(site.ctx, ref("b"), fresh, known))).toHaveLength(1);
    expect(await failuresOf(site.interfaces.plan(site.ctx, ref("b"), fresh, { run: "r2" }))).toEqual([]);
  });
  it("stays as it is while an instance boots from it", async () => {
    await enrol("n1");
    await site.store.claim("n1", ref("web-1"));
    const moved = specs.card("n1", "52:54:00:00:00:99");
    await expect(site.interfaces.ensure(site.ctx, ref("n1-eth0"), moved)).rejects.toThrow("INTERFACE_IN_USE");
    await expect(site.interfaces.remove(site.ctx, ref("n1-eth0"))).rejects.toThrow("INTERFACE_IN_USE");
    expect(site.done.filter((what) => what.startsWith("dismiss"))).toEqual([]);
  });
  it("needs its node", async () => {
    const nobody = site.interfaces.ensure(site.ctx, ref("x"), specs.card("n9", mac));
    await expect(nobody).rejects.toMatchObject({ code: "SITE_UNKNOWN_REFERENCE" });
  });
});

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

describe("an instance that fails", () => {
  beforeEach(async () => {
    await declare();
  });
  const up = (more: object = {}) => site.instances.ensure(site.ctx, ref("web-1"), specs.instance(more));

  it("for want of a node says of each why, and claims nothing", async () => {
    await enrol("n1", "10.0.0.1", { cpus: 1, maintenance: true });
    await site.nodes.ensure(site.ctx, ref("n2"), specs.node("10.0.0.2"));
    const error = await up().catch((reason) => reason);
    expect(error).toMatchObject({ code: "INSTANCE_NO_NODE" });
    expect(error.message).toMatch(/n1: .*maintenance.*n2: .*no Interface/);
    expect(await site.store.claims()).toEqual(new Map());
  });

  it("boots from no card of another node", async () => {
    await enrol("n1");
    await enrol("n2");
    await expect(up({ candidates: ["n1"], interfaces: ["n2-eth0"] })).rejects.toThrow(
      "no Interface to boot from",
    );
  });

  it.for([
    { fault: "NODE_BROKEN", stands: "deploy failed" },
    { fault: "BMC_BROKEN", stands: "deploy failed" },
    { fault: "IMAGE_BROKEN", stands: "available" },
    { fault: "HOST_BROKEN", stands: "available" },
  ] as const)("by $fault leaves its node $stands, and tells what there is", async ({ fault, stands }) => {
    await enrol("n1");
    site.serverAt("10.0.0.1").failing.set("boot from network", faults.make(fault, {}));
    const { state, record } = await partly(up());
    expect(record.code).toBe(fault);
    expect(state).toMatchObject({
      assignedNode: "n1",
      provisionState: "deploy failed",
      stage: "power on",
      name: "web-1",
    });
    expect(String(state["lastError"])).toContain("is broken");
    expect(await stateOf("n1")).toMatchObject({ provisionState: stands });
    expect(site.serverAt("10.0.0.1").log.at(-1)).toBe("ensure off");
    expect(site.done.slice(-2)).toEqual(["withdraw", "dismiss 52:54:00:00:00:01"]);
    // The old key is void, and the claim stays for a destroy.
    expect((await site.store.deployment("web-1"))?.record).toEqual({
      id: expect.any(String),
      key: expect.any(String),
    });
    expect(await site.store.claimOf("web-1")).toBe("n1");
  });

  it("before anything was touched cleans nothing up", async () => {
    await enrol("n1");
    site.fetching.mockRejectedValueOnce(faults.make("IMAGE_BROKEN", {}));
    await partly(up());
    expect(site.serverAt("10.0.0.1").log).toEqual(["probe"]);
    expect(site.done).toEqual([]);
  });

  it("leaves the node that failed, if it may choose, and comes back to a pinned one", async () => {
    await enrol("n1");
    await enrol("n2");
    site.serverAt("10.0.0.1").failing.set("boot from network", faults.make("NODE_BROKEN", {}));
    site.serverAt("10.0.0.2").failing.set("boot from network", faults.make("NODE_BROKEN", {}));
    expect((await partly(up({ candidates: ["n1", "n2"] }))).state).toMatchObject({ assignedNode: "n1" });
    expect((await partly(up({ candidates: ["n1", "n2"] }))).state).toMatchObject({ assignedNode: "n2" });
    await expect(up({ candidates: ["n1", "n2"] })).rejects.toMatchObject({ code: "INSTANCE_NO_NODE" });
    expect((await partly(up({ node: "n1" }))).state).toMatchObject({ assignedNode: "n1" });
  });

  it("on a server that could not be switched off remembers that this is its doing", async () => {
    await enrol("n1");
    const server = site.serverAt("10.0.0.1");
    site.fetching.mockImplementation(async () => {
      server.failing.set("ensure off", faults.make("BMC_BROKEN", {}));
    });
    await partly(up());
    expect((await site.store.deployment("web-1"))?.record.touched).toBe(true);
    server.state = "on"; // in our ramdisk
    server.failing.clear();
    site.fetching.mockImplementation(async () => {});
    server.failing.set("boot from network", faults.make("HOST_BROKEN", {}));
    const { record } = await partly(up({ node: "n1" }));
    expect(record.code).toBe("HOST_BROKEN"); // and not DEPLOY_RUNNING_SERVER
    expect(server.state).toBe("off");
  });

  it("does not forget what was under way when the network cannot be opened the next time", async () => {
    await enrol("n1");
    await installed("web-1", "n1", {}, { done: false });
    await site.store.patch("nodes", "n1", { provisionState: "deploying" });
    vi.spyOn(site.parts.network, "open").mockRejectedValueOnce(faults.make("HOST_BROKEN", {}));
    await partly(up({ node: "n1" }));
    expect((await site.store.deployment("web-1"))?.record).toMatchObject({
      id: "d-web-1",
      touched: true,
      written: {},
    });
  });

  it("that is aborted is cleaned up, and its node is not set aside", async () => {
    await enrol("n1");
    site.serverAt("10.0.0.1").state = "off";
    const running = up();
    running.catch(() => {});
    await vi.waitFor(() => expect(site.serverAt("10.0.0.1").log).toContain("ensure on"));
    expect(site.serverAt("10.0.0.1").state).toBe("on");
    const { siteErrors } = await import("../../provider/site/errors.ts");
    await site.parts.jobs.abort("instances/web-1", siteErrors.make("SITE_ABORTED", { name: "web-1" }));
    const { record, state } = await partly(running);
    expect(record.code).toBe("SITE_ABORTED");
    expect(state).toMatchObject({ provisionState: "deploy failed", assignedNode: "n1" });
    expect(site.serverAt("10.0.0.1").state).toBe("off");
    expect(site.done).toContain("withdraw");
    expect(await stateOf("n1")).toMatchObject({ provisionState: "available" });
  });

  it("that is cut off by the end of the helper leaves everything as it is, and goes on on the same node", async () => {
    await enrol("n1");
    const running = up({ candidates: ["n1"] });
    running.catch(() => {});
    await vi.waitFor(() => expect(site.serverAt("10.0.0.1").log).toContain("ensure on"));
    const before = (await site.store.deployment("web-1"))?.record;
    await site.parts.jobs.stop(new Error("the helper ends"));
    await expect(running).rejects.toThrow("the helper ends");
    expect(site.serverAt("10.0.0.1").state).toBe("on");
    expect(site.done).not.toContain("withdraw");
    expect((await site.store.deployment("web-1"))?.record).toEqual(before);
    expect(await stateOf("n1")).toMatchObject({ provisionState: "deploying", assignedInstance: "web-1" });
    // The program was changed meanwhile, so that another node would be chosen now.
    await enrol("n2");
    const again = up({ candidates: ["n2"] });
    again.catch(() => {});
    await vi.waitFor(async () => expect((await stateOf("n1"))["provisionState"]).toBe("deploying"));
    await vi.waitFor(() => expect(site.parts.jobs.running()).toHaveLength(1));
    expect(await site.store.claimOf("web-1")).toBe("n1");
    expect(site.serverAt("10.0.0.2").log).toEqual(["probe"]);
    await site.parts.jobs.stop(new Error("the test ends"));
    await again.catch(() => {});
  });
});

describe("an operator's reset", () => {
  it("frees a node that was set aside, and no other", async () => {
    const settings = { ...site.parts.settings };
    await enrol("n1");
    await enrol("n2");
    await site.store.patch("nodes", "n1", { provisionState: "deploy failed", lastError: "why" });
    await site.store.patch("nodes", "n2", { provisionState: "active" });
    const local = await openLocalSite(newContext(), settings, "1");
    await local.perform(newContext(), { kind: "reset", node: "n1" });
    await local.perform(newContext(), { kind: "reset", node: "n2" });
    await expect(local.perform(newContext(), { kind: "reset", node: "n9" })).rejects.toThrow("SITE_UNKNOWN");
    await local.close();
    expect(await stateOf("n1")).toMatchObject({ provisionState: "available", lastError: "" });
    expect(await stateOf("n2")).toMatchObject({ provisionState: "active" });
  });
});
