import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { perform } from "../../provider/site/local/operations.ts";
import type { State } from "../../provider/site/site.ts";
import { asking } from "../fixtures/fake-servers.ts";
import { broken, type OneServer, openOneServer, other } from "../fixtures/one-server.ts";
import { up } from "../fixtures/pulumi-run.ts";
import { ref, specs } from "../fixtures/site-parts.ts";
import { enrol } from "../fixtures/site-world.ts";

let world: OneServer;
let state: State;
beforeEach(async () => {
  world = await openOneServer();
  state = await world.install();
});
afterEach(async () => {
  await world.site.close();
});
const acts = () => world.server.log.filter((verb) => !asking.includes(verb));
const remove = () => world.site.instances.remove(world.site.ctx, ref("web-1"), { state });
const nodeState = async () => (await world.site.store.get("nodes", "n1"))?.state ?? {};
const untouched = async () => {
  expect([acts(), world.site.done, world.server.running]).toEqual([[], [], "system"]);
  expect(await world.site.store.claimOf("web-1")).toBe("n1");
};
const observe = (of: State = state) =>
  world.site.instances.observe(world.site.ctx, ref("web-1"), { state: of });
const observeNode = () =>
  world.site.nodes.observe(world.site.ctx, ref("n1"), { state: specs.node("10.0.0.1") });

describe("a locked instance", () => {
  it("is not deleted, switched off, rebooted, reinstalled or moved until it is unlocked", async () => {
    await enrol(world.site, "n2");
    ({ state } = await world.make(state, { locked: true }));
    world.server.log.length = 0;
    await expect(remove()).rejects.toMatchObject({ code: "INSTANCE_LOCKED" });
    const changes = [{ power: "off" }, { rebootTrigger: "1" }, other, { node: "n2" }];
    for (const change of changes) {
      const wanted = { ...change, locked: true, allowReinstall: true };
      expect((await world.see(state, wanted)).failures.map(({ property }) => property)).toEqual(["locked"]);
      const straight = world.site.instances.ensure(world.site.ctx, ref("web-1"), world.spec(wanted), {
        state,
      });
      await expect(straight).rejects.toMatchObject({ code: "INSTANCE_LOCKED" });
    }
    await untouched();
    ({ state } = await world.make(state, {}));
    await remove();
    expect(world.server.state).toBe("off");
  });

  it("that is being installed goes on when somebody asks to delete it", async () => {
    await remove();
    let finish = () => {};
    world.site.writing.mockImplementationOnce(
      () =>
        new Promise<undefined>((resolve) => {
          finish = () => resolve(undefined);
        }),
    );
    const installing = world.make(undefined, { locked: true });
    await vi.waitFor(() => expect(world.writes()).toBe(1));
    await expect(remove()).rejects.toMatchObject({ code: "INSTANCE_LOCKED" });
    finish();
    expect((await installing).state).toMatchObject({ provisionState: "active" });
  });
});

describe("a node whose controller is given up", () => {
  const dead = () => {
    for (const verb of ["state", "look", "probe", "identity", "ensure off", "ensure on", "soft off"])
      world.server.failing.set(verb, broken("BMC"));
  };
  const abandon = () =>
    up(world.site, "nodes", "n1", specs.node("10.0.0.1", { abandon: true }), specs.node("10.0.0.1"));

  it("lets its instance and then itself be deleted, and is not asked for it", async () => {
    dead();
    await expect(remove()).rejects.toMatchObject({ code: "BMC_BROKEN" });
    world.server.log.length = 0;
    const { state: node } = await abandon();
    expect(node).toMatchObject({ abandon: true, assignedInstance: "web-1" });
    await remove();
    expect(world.server.log).toEqual([]);
    expect(world.site.words.join("\n")).toContain("the server was not switched off");
    // Its server may still be on: nobody gets it by chance.
    expect(await nodeState()).toMatchObject({ provisionState: "manageable", assignedInstance: "" });
    await expect(up(world.site, "instances", "web-2", specs.instance({ node: "n1" }))).rejects.toThrow(
      "abandon",
    );
    await world.site.interfaces.remove(world.site.ctx, ref("n1-eth0"), {});
    await world.site.nodes.remove(world.site.ctx, ref("n1"), { state: node });
    expect(world.server.log).toEqual([]);
    expect(await world.site.store.get("nodes", "n1")).toBeUndefined();
  });

  it("is not switched and not written, whatever is allowed; its instance may move away", async () => {
    await abandon();
    world.server.log.length = 0;
    for (const change of [{ power: "off" }, { rebootTrigger: "1" }, other]) {
      const wanted = { ...change, allowReinstall: true };
      expect((await world.see(state, wanted)).failures).toMatchObject([
        { reason: expect.stringMatching(/n1: its controller was given up.*INSTANCE_NO_NODE/) },
      ]);
      const straight = world.site.instances.ensure(world.site.ctx, ref("web-1"), world.spec(wanted), {
        state,
      });
      await expect(straight).rejects.toMatchObject({ code: "INSTANCE_NO_NODE" });
    }
    await enrol(world.site, "n2");
    const moved = await world.make(state, { node: "n2", allowReinstall: true });
    expect([moved.how, moved.state["assignedNode"]]).toEqual(["replaced", "n2"]);
    expect(world.server.log).toEqual([]);
  });

  it("is not asked by a refresh, by a change of records, or for drift", async () => {
    await abandon();
    dead();
    world.server.log.length = 0;
    expect(await observe()).toMatchObject({ reachable: false, drift: [], provisionState: "active" });
    expect(await observeNode()).toMatchObject({ reachable: false, provisionState: "active" });
    const changed = await world.make({ ...state, drift: ["something was found"] }, { onDelete: "keep" });
    expect(changed.state).toMatchObject({
      powerState: "unknown",
      provisionState: "active",
      onDelete: "keep",
    });
    expect(world.server.log).toEqual([]);
  });
});

describe("a maintenance that the command line began", () => {
  const begin = () =>
    perform(world.site.ctx, world.site.parts, {
      kind: "maintenance",
      node: "n1",
      reason: "a disk is exchanged",
    });

  it("refuses power, reinstall, replacement and delete, whatever is allowed", async () => {
    await enrol(world.site, "n2");
    await begin();
    for (const change of [{ power: "off" }, { rebootTrigger: "1" }, other, { node: "n2" }]) {
      const wanted = { ...change, allowReinstall: true };
      const plan = await world.see(state, wanted);
      expect(plan.failures.map(({ reason }) => reason).join()).toContain("DEPLOY_MAINTENANCE");
      const straight = world.site.instances.ensure(world.site.ctx, ref("web-1"), world.spec(wanted), {
        state,
      });
      await expect(straight).rejects.toThrow(/DEPLOY_MAINTENANCE|INSTANCE_EXISTS/);
    }
    await expect(remove()).rejects.toMatchObject({ code: "DEPLOY_MAINTENANCE" });
    await untouched();
    await perform(world.site.ctx, world.site.parts, { kind: "maintenance", node: "n1" });
    expect((await world.make(state, { power: "off" })).state).toMatchObject({ powerState: "off" });
  });

  it("is no program's to end, and no program is told that it ended", async () => {
    await begin();
    const before = specs.node("10.0.0.1");
    const plan = await world.site.nodes.plan(world.site.ctx, ref("n1"), before, { state: before });
    expect(plan.warnings.join()).toContain("a disk is exchanged");
    const { state: node } = await up(world.site, "nodes", "n1", { ...before, cpus: 8 }, before);
    expect(node).toMatchObject({ maintenanceReason: "a disk is exchanged" });
    expect((await world.see(state, { power: "off" })).failures).toHaveLength(1);
  });

  it("is shown by a refresh, which tells drift all the same", async () => {
    await begin();
    Object.assign(world.server, { state: "off", running: "nothing" });
    world.server.log.length = 0;
    expect(await observeNode()).toMatchObject({
      ...{ maintenance: true, maintenanceReason: "a disk is exchanged", powerState: "off", reachable: true },
    });
    expect(await observe()).toMatchObject({ power: "off", powerState: "off" });
    expect(acts()).toEqual([]);
  });

  it("keeps the server's next boot as whoever works on it set it: only files are laid again", async () => {
    await begin();
    world.server.boots = { device: "network", persistent: true, firmware: "bios" };
    const seen = (await observe()) ?? {};
    expect(seen["drift"]).toEqual([expect.stringContaining("would boot it from the network")]);
    await world.make(seen, {});
    expect([acts(), world.server.boots]).toMatchObject([[], { device: "network" }]);
  });
});
