import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { powerErrors } from "../../provider/drivers/power/errors.ts";
import type { State } from "../../provider/site/site.ts";
import { asking } from "../fixtures/fake-servers.ts";
import { broken, type OneServer, openOneServer } from "../fixtures/one-server.ts";
import { preview, up } from "../fixtures/pulumi-run.ts";
import { ref, specs } from "../fixtures/site-parts.ts";

let world: OneServer;
beforeEach(async () => {
  world = await openOneServer();
});
afterEach(async () => {
  await world.site.close();
});
const acts = () => world.server.log.filter((verb) => !asking.includes(verb));
/** What Pulumi remembers after a refresh. */
async function refresh(state: State): Promise<State> {
  return { ...state, ...(await world.site.nodes.observe(world.site.ctx, ref("n1"), { state })) };
}

describe("a refresh of a node", () => {
  const spec = specs.node("10.0.0.1");
  const node = async (): Promise<State> => (await up(world.site, "nodes", "n1", spec)).state;

  it("shows its power, which is nobody's to mend but its instance's", async () => {
    const state = await node();
    world.server.state = "on";
    const seen = await refresh(state);
    expect(seen).toMatchObject({ powerState: "on", reachable: true, drift: [] });
    expect((await up(world.site, "nodes", "n1", spec, seen)).how).toBe("unchanged");
    expect(acts()).toEqual([]);
  });

  it.for([
    { what: "serial", now: { serial: "SN-9" }, shows: { identity: { serial: "SN-9" } } },
    { what: "GUID", now: { serial: "SN-1", guid: "22222222-3333-4444-5555-666666666666" }, shows: {} },
  ])(
    "shows another $what behind its address, and the next update refuses it until it is declared",
    async ({ now, shows }) => {
      world.server.identity = { serial: "SN-1", guid: "11111111-2222-3333-4444-555555555555" };
      const state = await node();
      world.server.identity = now;
      const seen = await refresh(state);
      expect(seen).toMatchObject(shows);
      expect(seen["drift"]).toEqual([expect.stringMatching(/^the controller sits in another machine: its /)]);
      expect(await preview(world.site, "nodes", "n1", spec, seen)).toMatchObject({ effect: "in-place" });
      await expect(up(world.site, "nodes", "n1", spec, seen)).rejects.toMatchObject({
        code: "POWER_OTHER_MACHINE",
      });
      world.server.identity = { serial: "SN-1", guid: "11111111-2222-3333-4444-555555555555" };
      expect((await up(world.site, "nodes", "n1", spec, seen)).state).toMatchObject({ drift: [] });
    },
  );

  it("of one that does not answer keeps what was known, with a warning", async () => {
    const state = await node();
    world.server.failing.set("look", broken("BMC"));
    expect(await refresh(state)).toMatchObject({
      powerState: "off",
      reachable: false,
      drift: [],
    });
    expect(world.site.words.join("\n")).toContain("the controller is broken; the last known state is kept");
  });

  it("shows credentials that are refused, and the next update tries them", async () => {
    const state = await node();
    const denied = powerErrors.make("POWER_DENIED", {
      ...{ address: "10.0.0.1", user: "admin", reason: "RAKP 2" },
    });
    world.server.failing.set("look", denied).set("probe", denied);
    const seen = await refresh(state);
    expect(seen["drift"]).toEqual([expect.stringContaining("refuses the login of admin")]);
    await expect(up(world.site, "nodes", "n1", spec, seen)).rejects.toMatchObject({ code: "POWER_DENIED" });
    world.server.failing.clear();
    expect((await up(world.site, "nodes", "n1", spec, seen)).state).toMatchObject({
      drift: [],
      reachable: true,
    });
  });

  it("is not upset by a controller that does not tell who it is", async () => {
    const state = await node();
    world.server.failing.set("identity", broken("BMC"));
    expect(await refresh(state)).toMatchObject({ reachable: true, drift: [] });
  });
});
