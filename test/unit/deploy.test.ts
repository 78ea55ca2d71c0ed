import { describe, expect, it } from "vitest";
import type { Scenario } from "../fixtures/deploy-scenario.ts";
import { createWorld } from "../fixtures/deploy-world.ts";
import { codeOf, count, expectInstalled, limitsPassAtOnce, settle } from "../fixtures/settle.ts";

limitsPassAtOnce();

describe("the deploy story", () => {
  it("brings a whole-disk image up, in this order", async () => {
    const world = createWorld();
    expect(await settle(world.run())).toBeUndefined();
    expectInstalled(world, "");
    expect(world.done).toEqual([
      ...["fetch", "power.probe", "record touched", "power.off", "admit", "boot.prepare"],
      ...["bootFrom network", "record powered", "power.on", "calls.next", "record address+machine"],
      ...["record disk+rejected", "disk writing", "record erased", "write", "record written+address+system"],
      ...["boot.switchTo boot -", "bootFrom disk", "record switched"],
      ...["done", "disk installed", "record done"],
    ]);
    expect(world.server.once).toBeUndefined();
    expect(world.server.target).toEqual({ device: "disk", persistent: true });
  });

  it.for(["shown", "stuck"] as const)(
    "comes to the ramdisk by a CD that its controller shows, which is %s",
    async (medium) => {
      const world = createWorld({ medium });
      expect(await settle(world.run())).toBeUndefined();
      expectInstalled(world, "");
      const start = world.done.indexOf("boot.prepare");
      expect(world.done.slice(start, start + 5)).toEqual([
        ...["boot.prepare", "insert http://10.99.0.1/web-1/cd.iso", "boot medium bios"],
        ...["record powered", "power.on"],
      ]);
      const end = world.done.indexOf("boot.switchTo boot -");
      expect(world.done.slice(end, end + 3)).toEqual(["boot.switchTo boot -", "eject", "bootFrom disk"]);
      expect(world.done).not.toContain("bootFrom network");
    },
  );

  it("takes the CD out when a deployment is given up", async () => {
    const world = createWorld({ medium: "shown", disks: [] });
    expect(await settle(world.run())).toBeDefined();
    expect(world.done.slice(world.done.indexOf("eject"))).toEqual(["eject", "boot.withdraw", "dismiss"]);
  });

  it("lets a partition image boot from the network for good, from the root it has written", async () => {
    const world = createWorld({ kind: "partition" });
    expect(await settle(world.run())).toBeUndefined();
    expectInstalled(world, "");
    expect(world.done).toContain("boot.switchTo boot R");
    expect(world.server.target).toEqual({ device: "network", persistent: true });
  });

  it("does nothing to a server whose deployment is done", async () => {
    const world = createWorld();
    await settle(world.run());
    world.done.length = 0;
    expect(await settle(world.run())).toBeUndefined();
    expect(world.done).toEqual(["power.state"]);
  });

  it("switches an instance off that is declared off, also when that failed the first time", async () => {
    const world = createWorld({ spec: { power: "off" } });
    const at = 23; // after `record done` and a look at the power
    world.happen({
      at,
      when: "before",
      strike: () => {
        throw new Error("the controller is busy");
      },
    });
    expect(codeOf(await settle(world.run()))).toContain("busy");
    expect(world.done[at]).toBe("power.off");
    expect(world.server.running).toBe("system");
    expect(await settle(world.run())).toBeUndefined();
    expect(world.server.power).toBe("off");
    expect(count(world.done, "write")).toBe(1);
  });

  it("switches a written server on again that lost its power before it answered", async () => {
    const world = createWorld();
    await settle(world.run());
    world.server.power = "off";
    world.server.running = "nothing";
    expect(await settle(world.run())).toBeUndefined();
    expectInstalled(world, "");
    expect(count(world.done, "write")).toBe(1);
  });
});

describe("a deployment that is cut off", () => {
  /** The ports that a run without accident visits. */
  async function visitsOf(scenario: Scenario): Promise<readonly string[]> {
    const world = createWorld(scenario);
    await settle(world.run());
    return [...world.done];
  }

  const grown = { state: "grown", size: 4e9 } as const;
  const scenarios = [
    { kind: "whole-disk" },
    { kind: "partition" },
    { kind: "partition", growth: grown },
  ] as const;

  it.for(scenarios)(
    "anywhere, before or after an effect, is completed by the next run: %j",
    async (scenario) => {
      const visits = await visitsOf(scenario);
      for (const [at, name] of visits.entries()) {
        for (const when of ["before", "after"] as const) {
          const why = `cut off ${when} ${name} (${at})`;
          const world = createWorld(scenario);
          const killed = new AbortController();
          const reason = new Error("killed");
          world.happen({
            at,
            when,
            strike: () => {
              killed.abort(reason);
              throw reason;
            },
          });
          expect(await settle(world.run(killed.signal)), why).toBe(reason);
          const before = { ...world.server, record: world.record() };
          world.happen(undefined);
          world.done.length = 0;
          expect(await settle(world.run()), why).toBeUndefined();
          expectInstalled(world, why);
          expect(world.record().grown, why).toEqual("growth" in scenario ? grown : undefined);
          const { written, done } = before.record;
          if (written) expect(world.done, why).not.toContain("write");
          if (done) expect(world.done, why).toEqual(["power.state"]);
          // A ramdisk that is still there is used; nothing is switched but what has to be.
          if (before.running === "ramdisk") expect(world.done, why).not.toContain("power.off");
          if (before.running === "foreign") expect(world.done, why).not.toContain("power.off");
        }
      }
    },
  );

  it("takes a disk that it had begun to write for its own, also after a new boot", async () => {
    const world = createWorld();
    const killed = new AbortController();
    world.onWrite(() => killed.abort(new Error("killed")));
    await settle(world.run(killed.signal));
    expect(world.server.disk).toBe("half");
    world.onWrite(undefined);
    world.server.power = "off";
    world.server.running = "nothing";
    expect(await settle(world.run())).toBeUndefined();
    expectInstalled(world, "");
  });

  it("goes on from the start when the ramdisk of the earlier run is gone", async () => {
    const world = createWorld();
    const killed = new AbortController();
    world.happen({
      at: 9,
      when: "before",
      strike: () => {
        killed.abort(new Error("killed"));
        throw new Error("killed");
      },
    });
    await settle(world.run(killed.signal));
    expect(world.done[9]).toBe("calls.next");
    world.happen(undefined);
    world.server.running = "nothing"; // it hangs, switched on
    expect(await settle(world.run())).toBeUndefined();
    expect(count(world.done, "power.off")).toBe(2);
    expectInstalled(world, "");
  });
});
