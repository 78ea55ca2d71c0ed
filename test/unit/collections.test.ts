import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Collection } from "../../provider/site/site.ts";
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
const copy = "org/shop/copy";
const failuresOf = async (plan: ReturnType<Collection["plan"]>) => (await plan).failures;

const enrol = (name: string, address?: string, more?: object) => world.enrol(site, name, address, more);

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
