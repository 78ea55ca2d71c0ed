import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Scenario } from "../fixtures/deploy-scenario.ts";
import { createWorld } from "../fixtures/deploy-world.ts";
import { codeOf, count, settle } from "../fixtures/settle.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A run that ends at the n-th visit of a port, as a helper that is killed there. */
async function killedAt(world: ReturnType<typeof createWorld>, name: string, when: "before" | "after") {
  const reference = createWorld(world.scenario);
  await settle(reference.run());
  const killed = new AbortController();
  const strike = () => {
    killed.abort(new Error("killed"));
    throw new Error("killed");
  };
  world.happen({ at: reference.done.indexOf(name), when, strike });
  await settle(world.run(killed.signal));
  world.happen(undefined);
  world.done.length = 0;
}

describe("a root that has room", () => {
  it("is grown between the write and the switch of the boot, and what came of it is kept", async () => {
    const world = createWorld({ growth: { state: "grown", size: 3e9 } });
    expect(await settle(world.run())).toBeUndefined();
    const from = world.done.indexOf("write");
    expect(world.done.slice(from, from + 7)).toEqual([
      ...["write", "record written+address+system", "calls.next", "record growing", "grow", "calls.next"],
      "record grown",
    ]);
    expect(world.record().grown).toEqual({ state: "grown", size: 3e9 });
    expect(world.server.running).toBe("system");
  });

  it.for([
    ["it cannot be grown", { growth: { state: "left", reason: "unknown feature" } }, "unknown feature"],
    ["its ramdisk grows none", { growth: "untold" }, "this ramdisk cannot grow it"],
    ["its ramdisk is a classic one", { growth: "untold", classic: true, spec: { wipe: true } }, "cannot"],
  ] as const)("is left as it is where %s; that is told, and fails nothing", async ([, scenario, why]) => {
    const world = createWorld(scenario as Scenario);
    expect(await settle(world.run())).toBeUndefined();
    expect(world.server.running).toBe("system");
    expect(world.record().grown).toEqual({ state: "left", reason: expect.stringContaining(why) });
    expect(world.words.join()).toContain("the root file system was not grown");
  });

  it("fails the deployment where it is damaged, and the server is off", async () => {
    const world = createWorld({ growth: { state: "damaged", reason: "run fsck manually" } });
    const error = await settle(world.run());
    expect(codeOf(error)).toBe("DEPLOY_ROOT_DAMAGED");
    expect(String(error)).toContain("run fsck manually");
    expect(world.server.power).toBe("off");
    expect(world.done).not.toContain("boot.switchTo boot -");
  });

  it("is left as it is when the ramdisk is gone that has written it", async () => {
    const world = createWorld({ growth: { state: "grown", size: 3e9 } });
    await killedAt(world, "record written+address+system", "after");
    world.server.running = "nothing";
    expect(await settle(world.run())).toBeUndefined();
    expect(world.record().grown).toEqual({ state: "left", reason: "the ramdisk no longer calls" });
    expect(count(world.done, "power.cycle")).toBe(1);
  });

  it.for([
    ["is booted again", (world: ReturnType<typeof createWorld>) => world.rebootRamdisk()],
    [
      "is gone",
      ({ server }: ReturnType<typeof createWorld>) => {
        server.running = "nothing";
      },
    ],
  ] as const)("is not trusted when its server %s while it grows", async ([, strike]) => {
    const world = createWorld({ growth: { state: "grown", size: 3e9 } });
    await killedAt(world, "grow", "before");
    strike(world);
    expect(codeOf(await settle(world.run()))).toBe("DEPLOY_GROWTH_CUT_OFF");
    expect(world.server.power).toBe("off");
    expect(world.done).not.toContain("done");
  });
});
