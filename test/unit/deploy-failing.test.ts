import { describe, expect, it } from "vitest";
import { StepFailed } from "../../provider/workflows/run.ts";
import { createWorld } from "../fixtures/deploy-world.ts";
import { codeOf, expectInstalled, limitsPassAtOnce, settle } from "../fixtures/settle.ts";

limitsPassAtOnce();

const kinds = ["whole-disk", "partition"] as const;

describe("a deployment that fails", () => {
  it.for(kinds)(
    "anywhere before `done` leaves the server off, unserved; after it, alone: %s",
    async (kind) => {
      const reference = createWorld({ kind });
      await settle(reference.run());
      for (const [at, name] of reference.done.entries()) {
        // A word that is not taken is followed by a power cycle; only the store itself can fail after it.
        if (/^(done|disk installed|record done)$/.test(name)) continue;
        for (const when of ["before", "after"] as const) {
          const why = `${name} (${at}) fails ${when} its effect`;
          const world = createWorld({ kind });
          world.happen({
            at,
            when,
            strike: () => {
              throw new Error("it broke");
            },
          });
          expect(await settle(world.run()), why).toBeInstanceOf(StepFailed);
          const touched = world.record().touched === true;
          expect(world.server, why).toMatchObject({ power: "off", running: "nothing" });
          expect(world.network, why).toEqual({ label: undefined, admitted: false });
          if (!touched) expect(world.done, why).not.toContain("power.off");
          // The next deployment of the same instance may write the disk that this one has written.
          world.setRecord({ id: "d-2", key: "k2" });
          world.happen(undefined);
          expect(await settle(world.run()), why).toBeUndefined();
          expectInstalled(world, why);
        }
      }
    },
  );

  it("cleans up in every part even if one of them fails", async () => {
    for (const broken of ["power.off", "boot.withdraw", "dismiss"]) {
      const world = createWorld();
      world.onWrite(() => {
        const { visits } = world;
        const last = ["power.off", "boot.withdraw", "dismiss"].indexOf(broken);
        world.happen({
          at: visits() + last,
          when: "before",
          strike: () => {
            throw new Error("stuck");
          },
        });
        throw new Error("the disk is broken");
      });
      const error = await settle(world.run());
      expect((error as StepFailed).failure.message).toContain("the disk is broken");
      expect(world.done.slice(-3), broken).toEqual(["power.off", "boot.withdraw", "dismiss"]);
      expect(world.words.join(), broken).toContain("stuck");
      expect(world.server.power, broken).toBe(broken === "power.off" ? "on" : "off");
      expect(world.network.label, broken).toBe(broken === "boot.withdraw" ? "deploy" : undefined);
    }
  });

  it("ends with the words of a ramdisk that gives up, before or during the write", async () => {
    for (const during of [false, true]) {
      const world = createWorld();
      if (during) {
        world.onWrite(async () => {
          world.ramdiskFails("no space in the sky");
          await new Promise((resolve) => setImmediate(resolve));
        });
      } else world.ramdiskFails("no space in the sky");
      const error = await settle(world.run());
      expect(codeOf(error)).toBe("DEPLOY_RAMDISK_FAILED");
      expect((error as StepFailed).failure.record).toMatchObject({ fault: "node" });
      expect((error as Error).message).toContain("no space in the sky");
      expect(world.server.power).toBe("off");
      expect(world.record().written).toBeUndefined();
    }
  });

  it.for([false, true])(
    "leaves a server on whose ramdisk gives up where somebody is to look (during the write: %s)",
    async (during) => {
      const world = createWorld({ spec: { troubleshoot: true } });
      if (during) {
        world.onWrite(async () => {
          world.ramdiskFails("no space in the sky");
          await new Promise((resolve) => setImmediate(resolve));
        });
      } else world.ramdiskFails("no space in the sky");
      expect(codeOf(await settle(world.run()))).toBe("DEPLOY_RAMDISK_FAILED");
      expect(world.server).toMatchObject({ power: "on", running: "ramdisk" });
      expect(world.network).toEqual({ label: undefined, admitted: false });
      expect(world.words.join()).toContain("a shell waits on its console");
    },
  );

  it("switches a server off whose deployment fails otherwise, although somebody is to look", async () => {
    const world = createWorld({ spec: { troubleshoot: true } });
    world.onWrite(() => {
      throw new Error("the link is broken");
    });
    await settle(world.run());
    expect(world.server.power).toBe("off");
  });

  it("says what was waited for when the ramdisk never calls", async () => {
    const world = createWorld();
    world.happen({
      at: 8,
      when: "after",
      strike: () => {
        world.server.running = "nothing";
      },
    });
    const error = await settle(world.run());
    expect(codeOf(error)).toBe("DEPLOY_NO_CALL");
    expect((error as StepFailed).step).toBe("call-back");
    expect((error as Error).message).toContain("not called within 30 minutes: its switch port blinks");
    expect(world.server.power).toBe("off");
  });

  it.for([
    { astray: "ramdisk", code: "DEPLOY_RAMDISK_AGAIN" },
    { astray: "network", code: "DEPLOY_NETWORK_AGAIN" },
    { astray: "firmware", code: "DEPLOY_NOTHING_STARTS" },
  ] as const)("names a server that is in its $astray instead of in its system", async ({ astray, code }) => {
    const world = createWorld({ mute: true, astray });
    const error = await settle(world.run());
    expect(codeOf(error)).toBe(code);
    expect((error as Error).message).toContain("10.0.0.7 does not answer yet; its switch port blinks");
    expect(world.server).toMatchObject({ power: "on", running: "system" });
  });

  it("after `done` leaves the server on, and the next run only waits", async () => {
    const world = createWorld({ mute: true });
    const error = await settle(world.run());
    expect(codeOf(error)).toBe("DEPLOY_NO_ANSWER");
    expect((error as Error).message).toContain(
      "within 30 minutes: 10.0.0.7 does not answer yet; its switch port",
    );
    expect(world.server).toMatchObject({ power: "on", running: "system" });
    expect(world.network).toEqual({ label: "boot", admitted: true });
    world.done.length = 0;
    expect(codeOf(await settle(world.run()))).toBe("DEPLOY_NO_ANSWER");
    expect(world.done).toEqual(["power.state"]);
  });

  it("switches the power off and on when nobody takes the word `done`", async () => {
    const world = createWorld();
    world.happen({
      at: 19,
      when: "before",
      strike: () => {
        throw new Error("nobody listens");
      },
    });
    expect(await settle(world.run())).toBeUndefined();
    expect(world.done.slice(19, 21)).toEqual(["done", "power.cycle"]);
    expectInstalled(world, "");
  });
});
