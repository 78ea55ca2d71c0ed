import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { CollectionName } from "../../provider/resources/resource.ts";
import type { Spec, State } from "../../provider/site/site.ts";
import { asking } from "../fixtures/fake-servers.ts";
import { type OneServer, openOneServer, other } from "../fixtures/one-server.ts";
import { preview, startRun, up } from "../fixtures/pulumi-run.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";

const mac = "52:54:00:00:00:01";
const partition = { kernel: { source: "/k1" }, ramdisk: { source: "/r1" } };
const another = { image: "j", imageDigest: "sha256:/images/j.raw" };
type All = Map<CollectionName, State>;

async function openSite(): Promise<FakeSite> {
  const site = await openFakeSite();
  onTestFinished(() => site.close());
  site.answerRamdisks();
  return site;
}
const actsOf = (site: FakeSite) => site.serverAt("10.0.0.1").log.filter((verb) => !asking.includes(verb));

/** A whole stack, from nothing or from what Pulumi remembers of it. */
async function declareAll(site: FakeSite, image: object, states: All = new Map()): Promise<All> {
  const all = new Map(states);
  const declare = async (collection: CollectionName, name: string, spec: Spec) =>
    all.set(collection, (await up(site, collection, name, spec, states.get(collection))).state);
  await declare("flavors", "f", specs.flavor);
  await declare("images", "i", { ...specs.image, ...image });
  await declare("nodes", "n1", specs.node("10.0.0.1"));
  await declare("interfaces", "n1-eth0", specs.card("n1", mac));
  return all;
}

/** Installed by a site whose store is lost; the server runs on, and another site knows nothing. */
async function lose(more: object = {}, image: object = {}) {
  const site = await openSite();
  site.serverAt("10.0.0.1").identity = { serial: "SN-1" };
  const remembered = await declareAll(site, image);
  const imageDigest = remembered.get("images")?.["digest"];
  const spec = (change: object = {}) => specs.instance({ node: "n1", imageDigest, ...more, ...change });
  const { state } = await up(site, "instances", "web-1", spec());
  const fresh = await openSite();
  const { log, failing, ...hardware } = site.serverAt("10.0.0.1");
  Object.assign(fresh.serverAt("10.0.0.1"), hardware);
  await declareAll(fresh, image, remembered);
  fresh.done.length = 0;
  return { site: fresh, state, spec, server: fresh.serverAt("10.0.0.1") };
}

describe("an instance whose record is lost", () => {
  const places = [{ node: "n1" }, { node: undefined, candidates: ["n1"] }, { node: undefined }];
  it.for(places)(
    "placed by %j is enrolled again as it runs, without a power action or a write",
    async (where) => {
      const { site, state, spec, server } = await lose(where);
      const plan = await preview(site, "instances", "web-1", spec(), state);
      expect(plan).toMatchObject({ effect: "enrol", lost: true, failures: [] });
      expect(plan.warnings.join()).toContain("no server is switched");
      const again = { ...(await up(site, "instances", "web-1", spec({ __lost: true }), state)) };
      expect(again.state).toMatchObject({
        ...{
          provisionState: "active",
          powerState: "on",
          assignedNode: "n1",
          imageDigest: "sha256:/images/debian.raw",
        },
        siteId: site.store.siteId,
      });
      expect([actsOf(site), new Set(site.done), server.running]).toEqual([
        [],
        new Set([`admit ${mac}`]),
        "system",
      ]);
      expect(await site.store.claims()).toEqual(new Map([["n1", "web-1"]]));
      expect((await site.store.get("nodes", "n1"))?.state).toMatchObject({ provisionState: "active" });
      expect((await up(site, "instances", "web-1", spec(), again.state)).how).toBe("unchanged");
    },
  );

  it("of a partition image has its boot files and cards laid again: it boots from them", async () => {
    const { site, state, spec, server } = await lose({}, partition);
    await up(site, "instances", "web-1", spec(), state);
    expect(new Set(site.done)).toEqual(new Set([`admit ${mac}`, "prepare"]));
    expect(actsOf(site)).toEqual([]);
    const seen = await (await site.parts.boot({ bootMode: "bios", arch: "x86_64" })).seen(site.ctx, "web-1", [
      mac,
    ]);
    expect(seen).toMatchObject({ label: "boot", missing: [] });
    expect(server.running).toBe("system");
  });

  it.for([
    { of: "image", change: another },
    { of: "flavor", change: { flavorDigest: "sha256:9" } },
    { of: "hints", change: { rootDeviceHints: { serial: "D-1" } } },
    { of: "node", change: { node: "n2" } },
  ])("is not enrolled together with a change of its $of, whatever is allowed", async ({ change }) => {
    const { site, state, spec, server } = await lose();
    await up(site, "nodes", "n2", specs.node("10.0.0.2"));
    await up(site, "images", "j", { ...specs.image, source: "/images/j.raw" });
    const wanted = spec({ ...change, allowReinstall: true });
    const plan = await preview(site, "instances", "web-1", wanted, state);
    expect(plan.failures).toMatchObject([{ reason: expect.stringContaining("INSTANCE_LOST_RECORD") }]);
    await expect(up(site, "instances", "web-1", wanted, state)).rejects.toThrow("INSTANCE_LOST_RECORD");
    const straight = site.instances.ensure(site.ctx, ref("web-1"), wanted, { state });
    await expect(straight).rejects.toMatchObject({ code: "INSTANCE_LOST_RECORD" });
    expect([actsOf(site), site.done, server.running]).toEqual([[], [], "system"]);
    expect(await site.store.claims()).toEqual(new Map());
    // Undone it is enrolled, and then the gate stands where it stood.
    const { state: enrolled } = await up(site, "instances", "web-1", spec(), state);
    const later = await preview(site, "instances", "web-1", spec(another), enrolled);
    expect(later.failures[0]?.reason).toContain("INSTANCE_WOULD_ERASE");
  });

  it("is not enrolled from a server that is off and declared on, nor from another machine", async () => {
    const { site, state, spec, server } = await lose();
    Object.assign(server, { state: "off", running: "nothing" });
    await expect(up(site, "instances", "web-1", spec(), state)).rejects.toThrow("INSTANCE_ADOPT_POWER");
    Object.assign(server, { state: "on", running: "system", identity: { serial: "SN-9" } });
    await expect(up(site, "instances", "web-1", spec(), state)).rejects.toMatchObject({
      code: "POWER_OTHER_MACHINE",
    });
    expect([actsOf(site), await site.store.claims()]).toEqual([[], new Map()]);
  });

  it("is kept by a refresh, and not deleted before it is enrolled", async () => {
    const { site, state, spec, server } = await lose();
    expect(await site.instances.observe(site.ctx, ref("web-1"), { state })).toEqual(state);
    const removing = site.instances.remove(site.ctx, ref("web-1"), { state });
    await expect(removing).rejects.toMatchObject({ code: "SITE_LOST_RECORD" });
    const { state: enrolled } = await up(site, "instances", "web-1", spec(), state);
    await site.instances.remove(site.ctx, ref("web-1"), { state: enrolled });
    expect([server.state, await site.store.claims()]).toEqual(["off", new Map()]);
  });

  it("leaves its node to nobody by chance while it is not enrolled", async () => {
    const { site, server } = await lose();
    const taking = up(site, "instances", "web-2", specs.instance({ candidates: ["n1"] }));
    await expect(taking).rejects.toThrow(/n1: .*INSTANCE_NO_NODE/);
    expect([actsOf(site), server.running]).toEqual([[], "system"]);
  });
});

describe("a create that meets its own record", () => {
  let world: OneServer;
  beforeEach(async () => {
    world = await openOneServer();
    await world.install();
  });
  afterEach(async () => {
    await world.site.close();
  });

  it("takes back what is there, and touches nothing", async () => {
    expect(await world.see(undefined, {})).toMatchObject({ effect: "none", failures: [] });
    const { state } = await world.make(undefined, {});
    expect(state).toMatchObject({
      provisionState: "active",
      assignedNode: "n1",
      installedDigest: "sha256:1",
    });
    expect([world.server.log, world.site.done]).toEqual([["state"], []]);
  });

  it("erases nothing that is not allowed, like any other change", async () => {
    await expect(world.make(undefined, other)).rejects.toThrow("INSTANCE_WOULD_ERASE");
    const token = (await world.see(undefined, other)).erases?.token;
    expect((await world.make(undefined, { ...other, allowReinstall: token })).state).toMatchObject({
      installedDigest: "sha256:9",
    });
  });

  it("does not move what is there, whatever is allowed: nobody would delete the old one", async () => {
    await up(world.site, "nodes", "n2", specs.node("10.0.0.2"));
    await up(world.site, "interfaces", "n2-eth0", specs.card("n2", "52:54:00:00:00:02"));
    const moved = { node: "n2", allowReinstall: true };
    expect((await world.see(undefined, { ...moved, allowReinstall: false })).failures).toMatchObject([
      { reason: expect.stringContaining("INSTANCE_EXISTS") },
    ]);
    await expect(world.make(undefined, moved)).rejects.toThrow(
      /installed on node n1 already, and its node wants/,
    );
    const run = startRun(world.site);
    const straight = world.site.instances.ensure(world.site.ctx, ref("web-1"), world.spec(moved), {
      run: run.run,
    });
    await expect(straight).rejects.toMatchObject({ code: "INSTANCE_EXISTS" });
    expect([world.server.log, world.server.running]).toEqual([[], "system"]);
  });
});
