import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createWorld } from "../fixtures/deploy-world.ts";
import { codeOf, count, settle } from "../fixtures/settle.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const set = { state: "set", entry: "Boot0003 \\EFI\\debian\\shimx64.efi" } as const;

describe("the firmware's boot entry", () => {
  it("is asked for when the disk is done with, and what came of it is kept", async () => {
    const world = createWorld({ bootEntry: set, hooks: "run" });
    expect(await settle(world.run())).toBeUndefined();
    const from = world.done.indexOf("record hooked");
    expect(world.done.slice(from + 1, from + 6)).toEqual([
      ...["calls.next", "boot-entry", "calls.next", "record bootEntry"],
      "boot.switchTo boot -",
    ]);
    expect(world.record().bootEntry).toEqual(set);
    expect(world.server.running).toBe("system");
  });

  it("that could not be set is told, and fails nothing", async () => {
    const none = { state: "none", reason: "the firmware did not take its variable BootOrder" } as const;
    const world = createWorld({ bootEntry: none });
    expect(await settle(world.run())).toBeUndefined();
    expect(world.record().bootEntry).toEqual(none);
    expect(world.words.join()).toContain("no boot entry was set");
    expect(world.server.running).toBe("system");
  });

  it("is not waited for when the ramdisk is gone that has written", async () => {
    const world = createWorld({ bootEntry: set });
    const reference = createWorld(world.scenario);
    await settle(reference.run());
    const killed = new AbortController();
    const strike = () => {
      killed.abort(new Error("killed"));
      throw new Error("killed");
    };
    world.happen({ at: reference.done.indexOf("boot-entry"), when: "before", strike });
    await settle(world.run(killed.signal));
    world.happen(undefined);
    world.server.running = "nothing";
    expect(await settle(world.run())).toBeUndefined();
    expect(world.record().bootEntry).toEqual({ state: "none", reason: "the ramdisk no longer calls" });
    expect(count(world.done, "power.cycle")).toBe(1);
  });

  it("is set by a ramdisk that was booted anew", async () => {
    const world = createWorld({ bootEntry: set });
    const reference = createWorld(world.scenario);
    await settle(reference.run());
    world.happen({
      ...{ at: reference.done.indexOf("boot-entry"), when: "after" },
      strike: () => world.rebootRamdisk(),
    });
    expect(await settle(world.run())).toBeUndefined();
    expect(count(world.done, "boot-entry")).toBe(2);
    expect(world.record().bootEntry).toEqual(set);
  });

  it("does not hide a ramdisk that gives up", async () => {
    const world = createWorld({ bootEntry: set });
    const reference = createWorld(world.scenario);
    await settle(reference.run());
    world.happen({
      ...{ at: reference.done.indexOf("boot-entry"), when: "before" },
      strike: () => world.ramdiskFails("no disk"),
    });
    expect(codeOf(await settle(world.run()))).toBe("DEPLOY_RAMDISK_FAILED");
  });

  it("is not asked for where the firmware keeps none, or nobody tells of one", async () => {
    for (const scenario of [{}, { classic: true, spec: { wipe: true } }]) {
      const world = createWorld(scenario);
      expect(await settle(world.run())).toBeUndefined();
      expect(world.done).not.toContain("boot-entry");
    }
  });
});
