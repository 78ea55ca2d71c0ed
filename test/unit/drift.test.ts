import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BootTarget } from "../../provider/drivers/power/driver.ts";
import type { State } from "../../provider/site/site.ts";
import { asking } from "../fixtures/fake-servers.ts";
import { answering, broken, type OneServer, openOneServer } from "../fixtures/one-server.ts";
import { ref } from "../fixtures/site-parts.ts";

let world: OneServer;
beforeEach(async () => {
  world = await openOneServer();
});
afterEach(async () => {
  await world.site.close();
});
const mac = "52:54:00:00:00:01";
const acts = () => world.server.log.filter((verb) => !asking.includes(verb));
const bootFrom = (target: BootTarget) => {
  world.server.boots = target;
};
/** What Pulumi remembers after a refresh. */
async function refresh(state: State): Promise<State> {
  return { ...state, ...(await world.site.instances.observe(world.site.ctx, ref("web-1"), { state })) };
}

describe("a refresh of an instance", () => {
  const kinds = {
    "a server that somebody switched off": {
      happens: () => void Object.assign(world.server, { state: "off", running: "nothing" }),
      shows: { power: "off", powerState: "off", drift: [] },
      effect: "power",
      mends: () => expect([acts(), world.server.running]).toEqual([["ensure on"], "system"]),
    },
    "a boot menu that was edited": {
      happens: () => world.site.boot.edit(mac, ["init=/bin/sh"]),
      shows: { drift: ["its boot menu was edited by hand"] },
      effect: "in-place",
      mends: () => expect([acts(), world.site.done]).toEqual([[], [`admit ${mac}`, "prepare"]]),
    },
    "boot files that are gone in part": {
      happens: () => world.site.boot.lose("web-1"),
      shows: { drift: ["boot files are missing: web-1/kernel"] },
      effect: "in-place",
      mends: () => expect([acts(), world.site.done]).toEqual([[], [`admit ${mac}`, "prepare"]]),
    },
    "boot files that are gone": {
      happens: async () =>
        (await world.site.parts.boot({ bootMode: "bios", arch: "x86_64" })).withdraw(
          world.site.ctx,
          "web-1",
          [mac],
        ),
      shows: { drift: ["its boot files are gone"] },
      effect: "in-place",
      mends: () => expect([acts(), world.site.done]).toEqual([[], [`admit ${mac}`, "prepare"]]),
    },
    "a DHCP entry that is gone": {
      happens: () => {
        const card = { mac, name: "n1-eth0" };
        const gone = [{ card, text: "its card has no DHCP entry" }];
        const looking = vi.spyOn(world.site.parts.network, "notAdmitted").mockResolvedValue(gone);
        vi.spyOn(world.site.parts.network, "admit").mockImplementation(async () => {
          world.site.done.push("admitted again");
          looking.mockResolvedValue([]);
        });
      },
      shows: { drift: ["its card has no DHCP entry"] },
      effect: "in-place",
      mends: () => expect([acts(), world.site.done]).toEqual([[], ["admitted again"]]),
    },
    "a controller that would boot it from elsewhere": {
      happens: () => bootFrom({ device: "network", persistent: true, firmware: "bios" }),
      shows: { drift: ["its controller would boot it from the network always, not from the disk"] },
      effect: "in-place",
      mends: () => expect([acts(), world.server.boots?.device]).toEqual([["boot from disk"], "disk"]),
    },
    "a controller that would boot it from elsewhere once": {
      happens: () => bootFrom({ device: "network", persistent: false, firmware: "bios" }),
      shows: { drift: ["its controller would boot it from the network next, not from the disk"] },
      effect: "in-place",
      mends: () => expect([acts(), world.server.boots?.device]).toEqual([["boot from disk"], "disk"]),
    },
    "files and power at once": {
      happens: () => {
        Object.assign(world.server, { state: "off", running: "nothing" });
        world.site.boot.lose("web-1");
      },
      shows: { power: "off", drift: ["boot files are missing: web-1/kernel"] },
      effect: "power",
      mends: () => expect([acts(), world.site.done]).toEqual([["ensure on"], [`admit ${mac}`, "prepare"]]),
    },
  } as const;

  it.for(Object.entries(kinds))(
    "shows %s, and the next update mends it",
    async ([_, { happens, shows, effect, mends }]) => {
      const state = await world.install();
      await happens();
      world.site.done.length = 0;
      const seen = await refresh(state);
      expect(seen).toMatchObject({ ...shows, reachable: true, provisionState: "active" });
      expect(acts(), "looking touches nothing").toEqual([]);
      expect(await world.see(seen, {})).toMatchObject({ effect, failures: [] });
      const went = await world.make(seen, {});
      expect([went.how, went.plan.effect]).toEqual(["updated", effect]);
      mends();
      expect(world.writes()).toBe(0);
      const again = await refresh(went.state);
      expect(again).toMatchObject({ drift: [], power: "on" });
      expect((await world.make(again, {})).how).toBe("unchanged");
    },
  );

  it("shows nothing where nothing happened, and looks again before it mends", async () => {
    const state = await world.install();
    const seen = await refresh(state);
    expect(seen).toMatchObject({ drift: [], power: "on", imageDigest: "sha256:1" });
    expect((await world.make(seen, {})).how).toBe("unchanged");
    // Somebody mended it since.
    await world.make({ ...seen, drift: ["its boot menu was edited by hand"] }, {});
    expect([acts(), world.site.done]).toEqual([[], []]);
  });

  it("shows a node that it holds no more, and the next update holds it again if it is free", async () => {
    const state = await world.install();
    const { store } = world.site;
    await store.release("web-1");
    await store.patch("nodes", "n1", { provisionState: "available", assignedInstance: "" });
    const seen = await refresh(state);
    expect(seen).toMatchObject({ drift: ["it holds node n1 no more"], assignedNode: "" });
    await store.claim("n1", ref("web-2"));
    await expect(world.make(seen, {})).rejects.toMatchObject({ code: "NODE_IN_USE" });
    await store.release("web-2");
    expect((await world.make(seen, {})).state).toMatchObject({ assignedNode: "n1", drift: [] });
    expect((await store.get("nodes", "n1"))?.state).toMatchObject({
      ...{ provisionState: "active", assignedInstance: "web-1" },
    });
    expect([acts(), world.writes()]).toEqual([[], 0]);
  });

  it("of one whose controller does not answer keeps what was known, with a warning, and its files' drift", async () => {
    const state = await world.install();
    for (const verb of ["state", "look", "identity", "boots"]) world.server.failing.set(verb, broken("BMC"));
    world.site.boot.lose("web-1");
    const seen = await refresh(state);
    expect(seen).toMatchObject({
      ...{ power: "on", powerState: "on", reachable: false },
      provisionState: "active",
    });
    expect(seen["drift"]).toEqual(["boot files are missing: web-1/kernel"]);
    expect(world.site.words.join("\n")).toContain("the controller is broken; the last known state is kept");
    // Nothing of it asks for a power action.
    expect((await world.see(seen, {})).effect).toBe("in-place");
  });

  it("takes a system that shows no keys, or one of its own, for the one that was installed", async () => {
    const port = await answering(world.site);
    const keys = vi.spyOn(world.site.parts, "hostKeys").mockResolvedValue(["key-1", "key-2"]);
    const state = await world.install({ waitFor: { port } });
    for (const shown of [[], ["key-2", "key-9"]]) {
      keys.mockResolvedValue(shown);
      expect(await refresh(state)).toMatchObject({
        imageDigest: "sha256:1",
        drift: [],
      });
    }
  });

  it("goes by the keys that were shown when it was first waited for, whatever is shown later", async () => {
    const port = await answering(world.site);
    const keys = vi.spyOn(world.site.parts, "hostKeys").mockResolvedValue(["key-1"]);
    const written = await world.install({ waitFor: "written" });
    expect(written).toMatchObject({ hostKeys: [] });
    const { state } = await world.make(written, { waitFor: { port } });
    expect(state).toMatchObject({ hostKeys: ["key-1"] });
    keys.mockResolvedValue(["key-9"]);
    expect((await world.make(state, { waitFor: { port }, rebootTrigger: "1" })).state).toMatchObject({
      hostKeys: ["key-1"],
    });
  });

  it("says nothing of one that is not installed, and keeps away from one that is at work", async () => {
    world.site.fetching.mockRejectedValueOnce(broken("IMAGE"));
    const failing = await world.make(undefined, {}).catch((error) => error);
    expect(await refresh(failing.state)).toMatchObject({
      drift: [],
      provisionState: "deploy failed",
    });
    let finish = () => {};
    world.site.fetching.mockImplementationOnce(
      () =>
        new Promise<undefined>((resolve) => {
          finish = () => resolve(undefined);
        }),
    );
    const going = world.make(failing.state, {});
    await vi.waitFor(() => expect(world.site.parts.jobs.running()).toEqual(["instances/web-1"]));
    world.server.log.length = 0;
    expect(await refresh(failing.state)).toMatchObject({ provisionState: "deploying" });
    expect(world.server.log).toEqual([]);
    finish();
    await going;
  });
});
