import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { until } from "../../provider/kernel/context.ts";
import { perform } from "../../provider/site/local/operations.ts";
import type { Parts } from "../../provider/site/local/parts.ts";
import type { Operation, State } from "../../provider/site/site.ts";
import { type FakeSite, openFakeSite, owner, ref, specs } from "../fixtures/site-parts.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
});
afterEach(async () => {
  await site.close();
});
const ask = (operation: Operation, more: Partial<Parts> = {}) =>
  perform(site.ctx, { ...site.parts, ...more }, operation);
const enrol = (name: string, of = owner) =>
  site.nodes.ensure(site.ctx, ref(name, of), specs.node(`10.0.0.${name.slice(1)}`));
const stateOf = async (name: string) => (await site.store.get("nodes", name))?.state ?? {};
const renamed = "org/shop/live";

/** A job that runs until the test ends. */
async function working(key: string): Promise<void> {
  const job = site.parts.jobs.run(site.ctx, key, "d", (ctx) =>
    until<State>(ctx, "1 hour", async () => undefined),
  );
  job.catch(() => {});
  await vi.waitFor(() => expect(site.parts.jobs.running()).toContain(key));
}

describe("a reset", () => {
  it("frees a node that was set aside and tries its credentials again", async () => {
    await enrol("n1");
    await site.store.patch("nodes", "n1", { provisionState: "deploy failed", lastError: "why" });
    const forgiveLogin = vi.fn(async () => {});
    const answer = await ask({ kind: "reset", node: "n1" }, { forgiveLogin });
    expect(answer).toEqual({ node: "n1", provisionState: "available", changed: true });
    expect(await stateOf("n1")).toMatchObject({ provisionState: "available", lastError: "" });
    expect(forgiveLogin).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ address: "10.0.0.1" }));
  });

  it("leaves any other node where it is, and says so", async () => {
    await enrol("n1");
    await site.store.patch("nodes", "n1", { provisionState: "active", lastError: "kept" });
    const forgiveLogin = vi.fn(async () => {});
    const answer = await ask({ kind: "reset", node: "n1" }, { forgiveLogin });
    expect(answer).toEqual({ node: "n1", provisionState: "active", changed: false });
    expect(await stateOf("n1")).toMatchObject({ provisionState: "active", lastError: "kept" });
    expect(forgiveLogin).toHaveBeenCalled();
  });
});

describe("a maintenance", () => {
  it("begins with a reason and ends without one", async () => {
    await enrol("n1");
    const on = await ask({ kind: "maintenance", node: "n1", reason: "new fan" });
    expect(on).toEqual({ node: "n1", maintenanceReason: "new fan" });
    expect(await stateOf("n1")).toMatchObject({ maintenanceReason: "new fan", provisionState: "available" });
    await ask({ kind: "maintenance", node: "n1" });
    expect(await stateOf("n1")).toMatchObject({ maintenanceReason: "" });
  });
});

describe("what this site does not know", () => {
  it.for<Operation>([
    { kind: "reset", node: "n9" },
    { kind: "maintenance", node: "n9", reason: "x" },
    { kind: "abort", instance: "n9" },
  ])("is refused by name: $kind", async (operation) => {
    await expect(ask(operation)).rejects.toMatchObject({
      code: "SITE_UNKNOWN_REFERENCE",
      message: expect.stringContaining("n9"),
    });
  });
});

describe("an abort", () => {
  it("ends the job of an instance, and says when there was none", async () => {
    await working("instances/web-1");
    expect(await ask({ kind: "abort", instance: "web-1" })).toEqual({ instance: "web-1", aborted: true });
    expect(site.parts.jobs.running()).toEqual([]);
    await site.store.put("instances", { ref: ref("web-1"), spec: specs.instance(), state: {} });
    expect(await ask({ kind: "abort", instance: "web-1" })).toEqual({ instance: "web-1", aborted: false });
  });
});

describe("an owner that is moved", () => {
  it("hands over what it declared, claimed, wrote and removed, and nothing of others", async () => {
    await enrol("n1");
    await enrol("n2", "org/other/prod");
    await site.flavors.ensure(site.ctx, ref("f"), specs.flavor);
    await site.flavors.ensure(site.ctx, ref("gone"), specs.flavor);
    await site.flavors.remove(site.ctx, ref("gone"));
    await site.store.claim("n1", ref("web-1"));
    await site.store.keepDisk("n1", "wwn-1", ref("web-1"), "installed");
    expect(await site.nodes.list(site.ctx)).toMatchObject([{ owner }, { owner: "org/other/prod" }]);
    const answer = await ask({ kind: "move owner", from: owner, to: renamed });
    expect(answer).toEqual({ from: owner, to: renamed, records: 2 });
    expect(await site.nodes.list(site.ctx)).toMatchObject([
      { name: "n1", owner: renamed },
      { name: "n2", owner: "org/other/prod" },
    ]);
    expect(await site.store.owners()).toEqual(["org/other/prod", renamed]);
    expect(await site.store.wasDropped("flavors", ref("gone", renamed))).toBe(true);
    expect(await site.store.wasDropped("flavors", ref("gone"))).toBe(false);
    const database = new Database(join(site.parts.settings.stateDir, "site.db"));
    onTestFinished(() => void database.close());
    for (const table of ["claims", "disks"])
      expect(database.prepare(`SELECT owner FROM ${table}`).all()).toEqual([{ owner: renamed }]);
  });

  it("goes on under its new name with the state of the old, and a copy of that state is still refused", async () => {
    const state = { ...(await site.flavors.ensure(site.ctx, ref("f"), specs.flavor)), __owner: owner };
    const asNew = () => site.flavors.ensure(site.ctx, ref("f", renamed), specs.flavor, { state });
    await expect(asNew()).rejects.toMatchObject({
      code: "SITE_OWNER_MOVED",
      message: expect.stringContaining(`owner move ${owner} ${renamed}`),
    });
    await ask({ kind: "move owner", from: owner, to: renamed });
    await asNew();
    const plan = await site.flavors.plan(site.ctx, ref("f", renamed), specs.flavor, { state });
    expect(plan.failures).toEqual([]);
    expect(await site.flavors.observe(site.ctx, ref("f", renamed), { state })).toMatchObject({ cpus: 1 });
    const copy = "org/shop/copy";
    for (const [asks, code] of [
      [copy, "SITE_OWNER_MOVED"],
      [owner, "SITE_NAME_TAKEN"],
    ] as const)
      for (const doing of [
        site.flavors.ensure(site.ctx, ref("f", asks), specs.flavor, { state }),
        site.flavors.remove(site.ctx, ref("f", asks), { state }),
      ])
        await expect(doing).rejects.toMatchObject({ code });
    await site.flavors.remove(site.ctx, ref("f", renamed), { state });
    expect(await site.store.get("flavors", "f")).toBeUndefined();
  });

  it("may have removed what the new one removed too", async () => {
    for (const by of [owner, renamed]) {
      await site.flavors.ensure(site.ctx, ref("f", by), specs.flavor);
      await site.store.drop("flavors", ref("f", by));
    }
    await site.flavors.ensure(site.ctx, ref("g"), specs.flavor);
    await ask({ kind: "move owner", from: owner, to: renamed });
    expect(await site.store.wasDropped("flavors", ref("f", renamed))).toBe(true);
  });

  it("has to own something, and the refusal tells who does", async () => {
    await enrol("n1");
    await expect(ask({ kind: "move owner", from: "org/shop/prdo", to: renamed })).rejects.toMatchObject({
      code: "SITE_OWNER_UNKNOWN",
      message: expect.stringContaining(owner),
    });
  });

  it("waits for the jobs of the site", async () => {
    await enrol("n1");
    await working("instances/web-1");
    await expect(ask({ kind: "move owner", from: owner, to: renamed })).rejects.toMatchObject({
      code: "SITE_BUSY",
      message: expect.stringContaining("instances/web-1"),
    });
    expect(await site.store.owners()).toEqual([owner]);
  });
});

describe("what a site lists", () => {
  it("holds no secret in clear", async () => {
    const node = specs.node("10.0.0.1");
    const power = { ...node.power, password: "PLANTED-password", kg: "PLANTED-kg" };
    await site.nodes.ensure(site.ctx, ref("n1"), { ...node, power });
    const [listed] = await site.nodes.list(site.ctx);
    expect(listed).toMatchObject({
      ...{ name: "n1", owner },
      power: { address: "10.0.0.1", password: "[secret]", kg: "[secret]" },
    });
    expect(JSON.stringify(listed)).not.toContain("PLANTED");
    expect((await site.store.get("nodes", "n1"))?.spec["power"]).toMatchObject(power);
  });

  it("holds none of a record of secrets either, and neither do the files of its store", async () => {
    const command = ["/usr/local/sbin/pdu"];
    const environment = { PASSWORD: "PLANTED-password", USER: "PLANTED-user" };
    const power = { driver: "exec", address: "u7", on: command, off: command, state: command, environment };
    await site.nodes.ensure(site.ctx, ref("n1"), { ...specs.node("10.0.0.1"), power });
    const [listed] = await site.nodes.list(site.ctx);
    expect(listed).toMatchObject({ power: { environment: { PASSWORD: "[secret]", USER: "[secret]" } } });
    const folder = site.parts.settings.stateDir;
    const files = (await readdir(folder, { withFileTypes: true })).filter((one) => one.isFile());
    const kept = await Promise.all(files.map(({ name }) => readFile(join(folder, name), "latin1")));
    expect(kept.join()).toContain("/usr/local/sbin/pdu");
    expect(kept.join()).not.toContain("PLANTED");
    expect((await site.store.get("nodes", "n1"))?.spec["power"]).toMatchObject({ environment });
  });
});
