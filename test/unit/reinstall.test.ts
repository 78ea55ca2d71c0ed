import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { broken, type OneServer, openOneServer, other } from "../fixtures/one-server.ts";
import { ref, specs } from "../fixtures/site-parts.ts";
import { partly } from "../fixtures/site-world.ts";

let world: OneServer;
beforeEach(async () => {
  world = await openOneServer();
});
afterEach(async () => {
  await world.site.close();
});
const pinned = { node: "n1" };

describe("a reinstall that nobody allowed", () => {
  it("is refused at preview and at update with the server, the disk and the token, and touches nothing", async () => {
    const state = await world.install();
    const { effect, failures, erases } = await world.see(state, other);
    expect([effect, failures.map(({ property }) => property)]).toEqual(["reinstall", ["allowReinstall"]]);
    const [{ reason } = { reason: "" }] = failures;
    for (const word of [
      "the change of image reinstalls instance web-1",
      "node n1",
      "10.0.0.1:623",
      "serial SN-1",
    ])
      expect(reason).toContain(word);
    expect(reason).toContain("it erases disk wwn-0x5000c50000000001 (37.3 GiB) of node n1");
    expect(reason).toMatch(/last verified \d{4}-\d\d-\d\d \d\d:\d\d UTC\), which holds the system of i/);
    expect(reason).toContain(`allowReinstall: "${erases?.token}"`);
    await expect(world.make(state, other)).rejects.toThrow("INSTANCE_WOULD_ERASE");
    expect([world.server.log, world.site.done, world.server.running]).toEqual([[], [], "system"]);
  });
});

describe("a reinstall that is allowed by its token", () => {
  it("is done on the same server under the same claim, and says so before", async () => {
    const state = await world.install();
    const [before, token] = [await world.idOf(), await world.tokenOf(state)];
    const allowed = { ...other, allowReinstall: token };
    const plan = await world.see(state, allowed);
    expect(plan).toMatchObject({ effect: "reinstall", failures: [], erases: { token, serial: "SN-1" } });
    expect(plan.says.join("\n")).toMatch(/reinstall.*\n?.*erases disk wwn-0x5000c50000000001/);
    const went = await world.make(state, allowed);
    expect(went.state).toMatchObject({
      ...{ provisionState: "active", assignedNode: "n1", installedDigest: "sha256:9", lastError: "" },
    });
    expect([world.writes(), world.server.running, await world.site.store.claimOf("web-1")]).toEqual([
      1,
      "system",
      "n1",
    ]);
    expect(await world.idOf()).not.toBe(before);
    expect((await world.site.store.deployment("web-1"))?.record).not.toHaveProperty("earlier");
    expect((await world.make(went.state, allowed)).how).toBe("unchanged");
  });

  it("spends the token: the next change has another, and the old one opens nothing", async () => {
    const first = await world.install();
    const token = await world.tokenOf(first);
    const { state } = await world.make(first, { ...other, allowReinstall: token });
    // There and back: the inputs are those that the token was given for.
    const back = await world.make(state, { allowReinstall: await world.tokenOf(state, {}) });
    const again = await world.see(back.state, { ...other, allowReinstall: token });
    expect(again.failures[0]?.reason).toContain("INSTANCE_WOULD_ERASE");
    expect(again.erases?.token).not.toBe(token);
    await expect(world.make(back.state, { ...other, allowReinstall: token })).rejects.toThrow(
      "INSTANCE_WOULD_ERASE",
    );
  });

  it("is no reinstall when the change is undone", async () => {
    const state = await world.install();
    const token = await world.tokenOf(state);
    expect(await world.see(state, { allowReinstall: token })).toMatchObject({
      effect: "in-place",
      failures: [],
    });
  });
});

/** A partition image boots over the network, from files that are withdrawn after a failure. */
const kinds = { "whole-disk": {}, partition: { kernel: { source: "/k1" }, ramdisk: { source: "/r1" } } };

describe("a reinstall that fails before the first byte", () => {
  const stages = [
    { at: "the power-off", break: () => world.server.failing.set("ensure off", broken("NODE")) },
    { at: "the boot device", break: () => world.server.failing.set("boot from network", broken("HOST")) },
    { at: "the power-on", break: () => world.server.failing.set("ensure on", broken("NODE")) },
    { at: "another machine that calls", break: () => Object.assign(world.server, { serial: "SN-9" }) },
    {
      at: "its disk, which is another",
      break: () =>
        Object.assign(world.server, { disk: { ...world.server.disk, serial: "X", wwn: "", byId: "" } }),
    },
    {
      at: "its image",
      break: () => world.site.fetching.mockRejectedValueOnce(broken("HOST")),
      untouched: true,
    },
    {
      at: "a controller that does not answer",
      break: () => world.server.failing.set("probe", broken("NODE")),
      untouched: true,
    },
    {
      at: "its network",
      break: () => vi.spyOn(world.site.parts.network, "open").mockRejectedValueOnce(broken("HOST")),
      untouched: true,
    },
  ] as const;
  const mend = () => {
    world.server.failing.clear();
    world.site.fetching.mockReset();
  };

  it.for(
    stages.flatMap((stage) =>
      [pinned, { node: undefined, candidates: ["n1"] }].map((where) => ({ ...stage, where })),
    ),
  )(
    "by $at, placed by $where, keeps the earlier system: the same token goes on",
    async ({ where, ...stage }) => {
      const hard = { disk: { ...world.server.disk }, serial: world.server.serial };
      const state = await world.install(where);
      const installed = world.server.disk;
      const token = await world.tokenOf(state, { ...where, ...other });
      const allowed = { ...where, ...other, allowReinstall: token };
      stage.break();
      const { state: left } = await partly(world.make(state, allowed));
      expect([world.writes(), left["assignedNode"], left["installedDigest"]]).toEqual([0, "n1", "sha256:1"]);
      Object.assign(world.server, { serial: hard.serial, disk: installed });
      mend();
      expect(await world.see(left, { ...where, ...other })).toMatchObject({
        effect: "reinstall",
        erases: { token },
      });
      expect(await world.see(left, { ...where, ...other })).toMatchObject({
        failures: [{ property: "allowReinstall" }],
      });
      const went = await world.make(left, allowed);
      expect(went.state).toMatchObject({ provisionState: "active", installedDigest: "sha256:9" });
      expect([world.writes(), world.server.running]).toEqual([1, "system"]);
    },
  );

  it.for(
    Object.entries(kinds).flatMap(([kind, files]) => stages.map((stage) => ({ kind, files, ...stage }))),
  )(
    "by $at leaves a $kind system that is booted again, and not written, when the change is undone",
    async ({ files, ...stage }) => {
      await world.site.images.ensure(world.site.ctx, ref("i"), { ...specs.image, ...files });
      const state = await world.install();
      const installed = { disk: world.server.disk, serial: world.server.serial };
      const token = await world.tokenOf(state);
      stage.break();
      const { state: left } = await partly(world.make(state, { ...other, allowReinstall: token }));
      Object.assign(world.server, installed);
      mend();
      const plan = await world.see(left, {});
      expect(plan).toMatchObject({ failures: [] });
      expect(plan.erases).toBeUndefined();
      const untouched = "untouched" in stage;
      expect([plan.effect, left["provisionState"]]).toEqual(
        untouched ? ["in-place", "active"] : ["restore", "deploy failed"],
      );
      if (untouched) expect(world.server.running).toBe("system");
      world.server.log.length = 0;
      const went = await world.make(left, {});
      expect(went.state).toMatchObject({
        provisionState: "active",
        powerState: "on",
        installedDigest: "sha256:1",
      });
      expect([world.writes(), world.server.running]).toEqual([0, "system"]);
      if (untouched) expect(world.server.log).toEqual(["state"]);
      const macs = ["52:54:00:00:00:01"];
      const seen = await (await world.site.parts.boot({ bootMode: "bios", arch: "x86_64" })).seen(
        world.site.ctx,
        "web-1",
        macs,
      );
      expect(seen).toMatchObject({ label: "boot", missing: [] });
      expect(world.site.done.lastIndexOf(`admit ${macs}`)).toBeGreaterThanOrEqual(
        world.site.done.lastIndexOf(`dismiss ${macs}`),
      );
      expect((await world.make(went.state, {})).how).toBe("unchanged");
    },
  );

  it("stays what it is while booting it again fails: nothing is ever written for it", async () => {
    const state = await world.install({ wipe: true });
    const wiping = { wipe: true };
    const token = await world.tokenOf(state, { ...wiping, ...other });
    world.server.failing.set("boot from network", broken("NODE"));
    const { state: left } = await partly(world.make(state, { ...wiping, ...other, allowReinstall: token }));
    world.server.failing.clear();
    world.server.failing.set("boot from disk", broken("NODE"));
    const { state: still } = await partly(world.make(left, wiping));
    expect(await world.see(still, wiping)).toMatchObject({ effect: "restore", failures: [] });
    expect(await world.see(still, { ...wiping, ...other })).toMatchObject({
      effect: "reinstall",
      erases: { token },
    });
    world.server.failing.clear();
    expect((await world.make(still, wiping)).state).toMatchObject({ provisionState: "active" });
    expect([world.writes(), world.server.running]).toEqual([0, "system"]);
  });
});
