import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createWorld } from "../fixtures/deploy-world.ts";
import { codeOf, count, settle } from "../fixtures/settle.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the site's hooks in the ramdisk", () => {
  it("are run on what was written, before the server is to boot it", async () => {
    const world = createWorld({ hooks: "run" });
    expect(await settle(world.run())).toBeUndefined();
    const from = world.done.indexOf("write");
    expect(world.done.slice(from + 1, from + 7)).toEqual([
      ...["record written+address+system", "calls.next", "hooks", "calls.next", "record hooked"],
      "boot.switchTo boot -",
    ]);
    expect(world.server.running).toBe("system");
  });

  it("end the deployment with their words where one fails", async () => {
    const world = createWorld({ hooks: "fail" });
    const error = await settle(world.run());
    expect(codeOf(error)).toBe("DEPLOY_RAMDISK_FAILED");
    expect((error as Error).message).toContain("the hook before-done ended with code 3: no licence");
    expect(world.server.power).toBe("off");
    expect(world.done).not.toContain("boot.switchTo boot -");
  });

  it("leave the server on where one fails and somebody is to look", async () => {
    const world = createWorld({ hooks: "fail", spec: { troubleshoot: true } });
    expect(codeOf(await settle(world.run()))).toBe("DEPLOY_RAMDISK_FAILED");
    expect(world.server).toMatchObject({ power: "on", running: "ramdisk" });
  });

  it("are not asked for where there are none, or nobody tells of any", async () => {
    for (const scenario of [{}, { classic: true, spec: { wipe: true } }]) {
      const world = createWorld(scenario);
      expect(await settle(world.run())).toBeUndefined();
      expect(world.done).not.toContain("hooks");
    }
  });

  it.for(["before", "after"] as const)(
    "are run once although the helper is killed %s the word",
    async (when) => {
      const world = createWorld({ hooks: "run" });
      const reference = createWorld(world.scenario);
      await settle(reference.run());
      const killed = new AbortController();
      const strike = () => {
        killed.abort(new Error("killed"));
        throw new Error("killed");
      };
      world.happen({ at: reference.done.indexOf("hooks"), when, strike });
      await settle(world.run(killed.signal));
      world.happen(undefined);
      expect(await settle(world.run())).toBeUndefined();
      expect(count(world.done, "hooks")).toBe(when === "before" ? 2 : 1);
      expect(world.record().hooked).toBe(true);
      expect(world.server.running).toBe("system");
    },
  );
});
