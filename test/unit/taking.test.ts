import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { asking } from "../fixtures/fake-servers.ts";
import { answering, broken, type OneServer, openOneServer, other } from "../fixtures/one-server.ts";
import { up } from "../fixtures/pulumi-run.ts";
import { ref, specs } from "../fixtures/site-parts.ts";
import { partly } from "../fixtures/site-world.ts";

let world: OneServer;
beforeEach(async () => {
  world = await openOneServer();
});
afterEach(async () => {
  await world.site.close();
});
const adopt = { adopt: true };
/** Somebody installed it, long before this site knew it. */
function inUse(): void {
  Object.assign(world.server, { state: "on", running: "system" });
  world.server.disk = { ...world.server.disk, holds: "the system of somebody" };
  world.server.log.length = 0;
}
const acts = () => world.server.log.filter((verb) => !asking.includes(verb));
const claims = () => world.site.store.claims();
const nodeState = async () => (await world.site.store.get("nodes", "n1"))?.state;
const nothing = async () => {
  expect([acts(), world.site.done, await claims()]).toEqual([[], [], new Map()]);
  expect([
    await world.site.store.get("instances", "web-1"),
    await world.site.store.deployment("web-1"),
  ]).toEqual([undefined, undefined]);
};

describe("a server that is taken over", () => {
  it("is recognised by controller and card, and neither switched nor written", async () => {
    inUse();
    const port = await answering(world.site);
    vi.spyOn(world.site.parts, "hostKeys").mockResolvedValue(["key-1"]);
    const plan = await world.see(undefined, { ...adopt, waitFor: { port } });
    expect(plan).toMatchObject({ effect: "adopt", failures: [] });
    expect(plan.says.join()).toContain("without a power action or a write");
    const { state } = await world.make(undefined, { ...adopt, waitFor: { port } });
    expect(state).toMatchObject({
      ...{ provisionState: "active", powerState: "on", assignedNode: "n1", installedDigest: "unknown" },
      ...{ address: "127.0.0.1", macs: ["52:54:00:00:00:01"] },
    });
    expect(await nodeState()).toMatchObject({ provisionState: "active", assignedInstance: "web-1" });
    expect([acts(), world.site.done]).toEqual([[], []]);
    expect((await world.site.store.deployment("web-1"))?.record).toMatchObject({
      ...{ adopted: true, done: true, hostKeys: ["key-1"] },
    });
    expect((await world.make(state, { ...adopt, waitFor: { port } })).how).toBe("unchanged");
  });

  it("may be off, where it is declared off", async () => {
    const { state } = await world.make(undefined, { ...adopt, power: "off" });
    expect(state).toMatchObject({ powerState: "off", provisionState: "active" });
    expect([acts(), world.server.state]).toEqual([[], "off"]);
  });

  it("is taken although its cards cannot be seen, with a word about it", async () => {
    inUse();
    await world.make(undefined, adopt);
    expect(world.site.words.join("\n")).toContain("only its controller tells that it is the right server");
  });

  it.for([
    { met: "off", declared: "on" },
    { met: "on", declared: "off" },
  ] as const)(
    "is not taken while it is $met and declared $declared: nothing is switched",
    async ({ met, declared }) => {
      if (met === "on") inUse();
      await expect(world.make(undefined, { ...adopt, power: declared })).rejects.toThrow(
        "INSTANCE_ADOPT_POWER",
      );
      await nothing();
      expect(world.server.state).toBe(met);
    },
  );

  it("is not taken when another machine answers at its address", async () => {
    inUse();
    const port = await answering(world.site, "52:54:00:00:00:99");
    await expect(world.make(undefined, { ...adopt, waitFor: { port } })).rejects.toThrow(
      /127\.0\.0\.1 answers, but with the MAC 52:54:00:00:00:99.*DEPLOY_OTHER_ANSWERS/,
    );
    await nothing();
  });

  it("is not taken when its controller tells of another machine, or nothing", async () => {
    inUse();
    world.server.identity = { serial: "SN-9" };
    await expect(world.make(undefined, adopt)).rejects.toMatchObject({ code: "POWER_OTHER_MACHINE" });
    world.server.failing.set("probe", broken("BMC"));
    await expect(world.make(undefined, adopt)).rejects.toMatchObject({ code: "BMC_BROKEN" });
    await nothing();
  });

  it("is not taken from another instance", async () => {
    const held = await world.install();
    const taking = up(world.site, "instances", "web-2", specs.instance({ node: "n1", ...adopt }));
    await expect(taking).rejects.toMatchObject({ code: "NODE_IN_USE" });
    expect(await claims()).toEqual(new Map([["n1", "web-1"]]));
    expect(acts()).toEqual([]);
    expect((await world.make(held, {})).how).toBe("unchanged");
  });

  it.for([{ candidates: ["n1"] }, { candidates: undefined }])(
    "is named by `node`, not by $candidates",
    async (where) => {
      inUse();
      const plan = await world.see(undefined, { ...adopt, node: undefined, ...where });
      expect(plan.failures).toMatchObject([
        { property: "node", reason: expect.stringContaining("INSTANCE_ADOPT_WHICH") },
      ]);
      await expect(
        world.site.instances.ensure(world.site.ctx, ref("web-1"), specs.instance({ ...adopt, ...where })),
      ).rejects.toMatchObject({ code: "INSTANCE_ADOPT_WHICH" });
      await nothing();
    },
  );
});

describe("a server that was taken over", () => {
  const taken = async () => {
    inUse();
    const { state } = await world.make(undefined, adopt);
    return state;
  };
  it("is reinstalled only if that is allowed, although nobody knows what it holds", async () => {
    const state = await taken();
    const plan = await world.see(state, { ...adopt, ...other });
    expect(plan.failures[0]?.reason).toMatch(
      /erases the disk, unknown until the ramdisk looks, of node n1 .*holds an unknown image \(it was adopted\)/,
    );
    const token = plan.erases?.token;
    const went = await world.make(state, { ...adopt, ...other, allowReinstall: token });
    expect(went.state).toMatchObject({ installedDigest: "sha256:9", rootDevice: "wwn-0x5000c50000000001" });
    expect([world.writes(), world.server.running]).toEqual([1, "system"]);
  });

  it("boots its own system again when a reinstall of it is given up, without our boot files", async () => {
    const state = await taken();
    const token = await world.tokenOf(state, { ...adopt, ...other });
    world.server.failing.set("boot from network", broken("NODE"));
    const { state: left } = await partly(world.make(state, { ...adopt, ...other, allowReinstall: token }));
    world.server.failing.clear();
    expect(await world.see(left, adopt)).toMatchObject({ effect: "restore", failures: [] });
    const went = await world.make(left, adopt);
    expect(went.state).toMatchObject({ provisionState: "active", installedDigest: "unknown" });
    expect([world.writes(), world.server.running]).toEqual([0, "system"]);
    expect(
      await (await world.site.parts.boot({ bootMode: "bios", arch: "x86_64" })).seen(
        world.site.ctx,
        "web-1",
        [world.server.mac],
      ),
    ).toBeUndefined();
    expect((await world.make(went.state, adopt)).how).toBe("unchanged");
  });

  it("is one of ours from then on: switched, and let go", async () => {
    const state = await taken();
    const off = await world.make(state, { ...adopt, power: "off" });
    expect([off.how, world.server.state]).toEqual(["updated", "off"]);
    await world.site.instances.remove(world.site.ctx, ref("web-1"), { state: off.state });
    expect([await claims(), (await nodeState())?.["provisionState"]]).toEqual([new Map(), "available"]);
  });
});

describe("a system that somebody installed in the place of ours", () => {
  const foreign = async () => {
    const port = await answering(world.site);
    const keys = vi.spyOn(world.site.parts, "hostKeys").mockResolvedValue(["key-1"]);
    const waitFor = { waitFor: { port } };
    const state = await world.install(waitFor);
    keys.mockResolvedValue(["key-2", "key-3"]);
    const seen = await world.site.instances.observe(world.site.ctx, ref("web-1"), { state });
    world.server.log.length = 0;
    return { state: seen ?? {}, waitFor, keys };
  };

  it("is seen by a refresh and erased only if that is allowed", async () => {
    const { state, waitFor } = await foreign();
    expect(state).toMatchObject({
      installedDigest: "unknown",
      imageDigest: expect.stringContaining("unknown"),
    });
    const plan = await world.see(state, waitFor);
    expect(plan).toMatchObject({ effect: "reinstall", failures: [{ property: "allowReinstall" }] });
    expect(plan.failures[0]?.reason).toContain("which holds a system that somebody installed by hand");
    const went = await world.make(state, { ...waitFor, allowReinstall: plan.erases?.token });
    expect(went.state).toMatchObject({ installedDigest: "sha256:1" });
    expect([world.writes(), world.server.running]).toEqual([1, "system"]);
  });

  it("is taken over as it is, and is the known one from then on", async () => {
    const { state, waitFor } = await foreign();
    expect(await world.see(state, { ...waitFor, ...adopt })).toMatchObject({ effect: "adopt", failures: [] });
    const went = await world.make(state, { ...waitFor, ...adopt });
    expect(went.state).toMatchObject({
      provisionState: "active",
      installedDigest: "unknown",
      imageDigest: "sha256:1",
    });
    expect([acts(), world.writes()]).toEqual([[], 0]);
    const again = await world.site.instances.observe(world.site.ctx, ref("web-1"), { state: went.state });
    expect(again).toMatchObject({ imageDigest: "sha256:1", drift: [] });
    expect((await world.make(again ?? {}, { ...waitFor, ...adopt })).how).toBe("unchanged");
  });

  it("is no drift any more when ours is back", async () => {
    const { state, waitFor, keys } = await foreign();
    keys.mockResolvedValue(["key-1"]);
    const seen = await world.site.instances.observe(world.site.ctx, ref("web-1"), { state });
    expect(seen).toMatchObject({ imageDigest: "sha256:1", installedDigest: "sha256:1" });
    expect((await world.make(seen ?? {}, waitFor)).how).toBe("unchanged");
  });
});
