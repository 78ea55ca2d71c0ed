import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { broken, type OneServer, openOneServer, other } from "../fixtures/one-server.ts";
import { enrol, partly } from "../fixtures/site-world.ts";

let world: OneServer;
beforeEach(async () => {
  world = await openOneServer();
});
afterEach(async () => {
  await world.site.close();
});
const places = [{ where: { node: "n1" } }, { where: { node: undefined, candidates: ["n1"] } }] as const;
/** The helper ends; jobs are cut off and nothing is cleaned up. */
const stopHelper = () => world.site.parts.jobs.stop(new Error("the helper ends"));
/** The writer that lasts until it is cut off. */
const writeForEver = () =>
  world.site.writing.mockImplementationOnce(
    (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  );
const stage = async () => (await world.site.store.deployment("web-1"))?.record;

describe("a reinstall that failed after its first byte", () => {
  for (const { where } of places) {
    it.for([
      { by: "its server", fault: "NODE" },
      { by: "its controller", fault: "BMC" },
      { by: "this host", fault: "HOST" },
    ] as const)(
      `on ${JSON.stringify(where)}, by $by, goes on there and asks nobody again`,
      async ({ fault }) => {
        const state = await world.install(where);
        const token = await world.tokenOf(state, { ...where, ...other });
        world.site.writing.mockRejectedValueOnce(broken(fault));
        const { state: left } = await partly(
          world.make(state, { ...where, ...other, allowReinstall: token }),
        );
        expect(left).toMatchObject({
          assignedNode: "n1",
          installedDigest: "",
          provisionState: "deploy failed",
        });

        // The permission is withdrawn meanwhile: there is nothing left that it could protect.
        const plan = await world.see(left, { ...where, ...other });
        expect(plan).toMatchObject({ effect: "install", failures: [] });
        expect(plan.erases).toBeUndefined();
        expect(plan.actions).toEqual(["go on with the installation on n1"]);
        expect(plan.warnings.join()).toContain("is broken");
        const went = await world.make(left, { ...where, ...other });
        expect(went.state).toMatchObject({
          provisionState: "active",
          installedDigest: "sha256:9",
          assignedNode: "n1",
        });
        expect([world.writes(), world.server.running]).toEqual([2, "system"]);
        expect(await stage()).not.toHaveProperty("earlier");
      },
    );
  }

  it("goes on to what was installed before, too: that is gone like any other", async () => {
    const state = await world.install();
    const token = await world.tokenOf(state);
    world.site.writing.mockRejectedValueOnce(broken("NODE"));
    const { state: left } = await partly(world.make(state, { ...other, allowReinstall: token }));
    const plan = await world.see(left, {});
    expect(plan).toMatchObject({ effect: "install", failures: [] });
    expect((await world.make(left, {})).state).toMatchObject({ installedDigest: "sha256:1" });
    expect([world.writes(), world.server.running]).toEqual([2, "system"]);
  });

  it("is no allowance to leave its server for another one unseen", async () => {
    await enrol(world.site, "n2");
    const where = { node: undefined, candidates: ["n1", "n2"] };
    const state = await world.install(where);
    const token = await world.tokenOf(state, { ...where, ...other });
    world.site.writing.mockRejectedValueOnce(broken("NODE"));
    const { state: left } = await partly(world.make(state, { ...where, ...other, allowReinstall: token }));
    expect((await world.see(left, { ...where, ...other })).actions).toEqual([
      "go on with the installation on n1",
    ]);
    const went = await world.make(left, { ...where, ...other });
    expect(went.state["assignedNode"]).toBe("n1");
    expect(world.site.serverAt("10.0.0.2").log).toEqual(["probe"]); // its enrolment
  });
});

describe("a server that was written and has not answered", () => {
  /** Nobody answers on port 1. */
  const waiting = async () => (await partly(world.make(undefined, { waitFor: { port: 1 } }))).state;
  beforeEach(() => {
    Object.assign(world.site.parts.settings.limits, { answer: "50 ms" });
  });

  it.for([
    { change: {}, effect: "in-place", log: ["state"] },
    { change: { rebootTrigger: "1" }, effect: "power", log: ["state", "soft off", "ensure on"] },
    { change: { power: "off" }, effect: "power", log: ["state", "soft off"] },
  ] as const)(
    "is waited for, or does what is announced: $change is $effect",
    async ({ change, effect, log }) => {
      const state = await waiting();
      expect(state).toMatchObject({ provisionState: "wait call-back" });
      world.server.log.length = 0;
      const wanted = { waitFor: "written", ...change };
      expect(await world.see(state, wanted)).toMatchObject({ effect, failures: [] });
      const went = await world.make(state, wanted);
      expect(went.state).toMatchObject({ provisionState: "active", lastError: "" });
      expect([world.server.log, world.writes()]).toEqual([log, 1]);
    },
  );

  it("is not written again without permission", async () => {
    const state = await waiting();
    expect(await world.see(state, { ...other, waitFor: "written" })).toMatchObject({
      ...{ effect: "reinstall", failures: [{ property: "allowReinstall" }] },
    });
  });
});

describe("a reinstall whose helper ended", () => {
  it("while the ramdisk was waited for goes on by the same token, and writes once", async () => {
    const state = await world.install();
    const token = await world.tokenOf(state);
    const allowed = { ...other, allowReinstall: token };
    // It never calls: as long as it is off the list of those that answer.
    const serial = world.server.serial;
    Object.assign(world.server, { mac: "52:54:00:00:00:77" });
    const running = world.make(state, allowed);
    running.catch(() => {});
    await vi.waitFor(() => expect(world.server.log).toContain("ensure on"));
    await stopHelper();
    await expect(running).rejects.toThrow("the helper ends");
    Object.assign(world.server, { mac: "52:54:00:00:00:01", serial });

    expect(await stage()).toMatchObject({ touched: true, powered: true, earlier: { done: true } });
    const still = { ...state, provisionState: "deploying" };
    expect(await world.see(still, other)).toMatchObject({
      ...{ effect: "reinstall", erases: { token }, failures: [{ property: "allowReinstall" }] },
    });
    // Whoever does not want it any more gets the earlier system back.
    expect(await world.see(still, {})).toMatchObject({ effect: "restore", failures: [] });
    world.server.running = "ramdisk"; // it was only slow
    const went = await world.make(still, allowed);
    expect(went.state).toMatchObject({ provisionState: "active", installedDigest: "sha256:9" });
    expect([world.writes(), world.server.running]).toEqual([1, "system"]);
  });

  it("in the middle of the write goes on with the ramdisk that is still there, and asks nobody", async () => {
    const state = await world.install();
    const token = await world.tokenOf(state);
    writeForEver();
    const running = world.make(state, { ...other, allowReinstall: token });
    running.catch(() => {});
    await vi.waitFor(() => expect(world.writes()).toBe(1));
    await stopHelper();
    await expect(running).rejects.toThrow("the helper ends");
    expect([world.server.state, world.server.running]).toEqual(["on", "ramdisk"]);

    world.server.log.length = 0;
    const still = { ...state, provisionState: "deploying" };
    expect(await world.see(still, other)).toMatchObject({ effect: "install", failures: [] });
    const went = await world.make(still, other);
    expect(went.state).toMatchObject({ provisionState: "active", installedDigest: "sha256:9" });
    expect([world.writes(), world.server.running]).toEqual([2, "system"]);
    const acts = world.server.log.filter((verb) => verb !== "state");
    expect(acts, "it was neither switched off nor on").toEqual(["boot from disk"]);
  });

  it("after the write only switches and boots", async () => {
    const state = await world.install();
    const token = await world.tokenOf(state);
    let cut = () => {};
    const reached = new Promise<void>((resolve) => {
      cut = resolve;
    });
    const boot = await world.site.parts.boot({ bootMode: "bios", arch: "x86_64" });
    vi.spyOn(boot, "switchTo").mockImplementationOnce(async ({ signal }) => {
      cut();
      await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    });
    const running = world.make(state, { ...other, allowReinstall: token });
    running.catch(() => {});
    await reached;
    await stopHelper();
    await expect(running).rejects.toThrow("the helper ends");
    const went = await world.make({ ...state, provisionState: "deploying" }, other);
    expect(went.state).toMatchObject({ provisionState: "active", installedDigest: "sha256:9" });
    expect([world.writes(), world.server.running]).toEqual([1, "system"]);
  });

  it("while the earlier system was booted again boots it still", async () => {
    const state = await world.install();
    const token = await world.tokenOf(state);
    world.server.failing.set("boot from network", broken("NODE"));
    const { state: left } = await partly(world.make(state, { ...other, allowReinstall: token }));
    world.server.failing.clear();
    const boot = await world.site.parts.boot({ bootMode: "bios", arch: "x86_64" });
    const waiting = vi
      .spyOn(boot, "switchTo")
      .mockImplementationOnce(
        ({ signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      );
    const running = world.make(left, {});
    running.catch(() => {});
    await vi.waitFor(() => expect(waiting).toHaveBeenCalled());
    await stopHelper();
    await expect(running).rejects.toThrow("the helper ends");
    const still = { ...left, provisionState: "deploying" };
    expect(await world.see(still, other)).toMatchObject({ effect: "reinstall", erases: { token } });
    expect(await world.see(still, {})).toMatchObject({ effect: "restore" });
    expect((await world.make(still, {})).state).toMatchObject({ provisionState: "active" });
    expect([world.writes(), world.server.running]).toEqual([0, "system"]);
  });
});
