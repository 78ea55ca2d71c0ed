import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StepFailed } from "../../provider/workflows/run.ts";
import { blankDisk, createWorld, type Scenario } from "../fixtures/deploy-world.ts";
import { codeOf, count, settle } from "../fixtures/settle.ts";

// Limits are real timers, and hours long: here they pass at once.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const kinds = ["whole-disk", "partition"] as const;

function expectInstalled(world: ReturnType<typeof createWorld>, why: string): void {
  expect(world.server, why).toMatchObject({ power: "on", running: "system", disk: "written" });
  expect(world.record(), why).toMatchObject({ touched: true, powered: true, switched: true, done: true });
  expect(world.disks.get("S-1"), why).toEqual({ instance: "web-1", state: "installed" });
  expect(world.network.label, why).toBe("boot");
}

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

describe("never", () => {
  const never = async (scenario: Scenario, code: string) => {
    const world = createWorld(scenario);
    expect(codeOf(await settle(world.run()))).toBe(code);
    expect(world.done).not.toContain("write");
    expect(world.server.disk).toBe("before");
    return world;
  };

  it("is a server touched whose firmware the image cannot boot by, or what else the writer refuses", async () => {
    const refuses: Scenario["refuses"] = (more) => more?.firmware === "uefi";
    const world = createWorld({ node: { bootMode: "uefi" }, refuses });
    expect(codeOf(await settle(world.run()))).toContain("the image is unfit");
    expect(world.done).toEqual(["fetch"]);
    const other = createWorld({ refuses });
    expect(await settle(other.run())).toBeUndefined();
  });
  it("is a server switched off that runs and was not offered", async () => {
    const world = await never({ running: true }, "DEPLOY_RUNNING_SERVER");
    expect(world.server).toMatchObject({ power: "on", running: "foreign" });
    expect(world.done).toEqual(["fetch", "power.probe"]);
  });
  it("... unless it is offered", async () => {
    const world = createWorld({ running: true, node: { provide: true } });
    expect(await settle(world.run())).toBeUndefined();
    expectInstalled(world, "");
  });
  it("is a disk written that holds something of others", async () => {
    const disks = [blankDisk({ holds: 'gpt; ext4 "root" on sda1' })];
    const world = await never({ disks }, "DEPLOY_DISK_NOT_BLANK");
    expect(world.server.power).toBe("off");
  });
  it("is a disk written when another one that holds something would boot before it", async () => {
    const disks = [blankDisk({ holds: "ntfs", serial: "S-2", wwn: "" }), blankDisk({ name: "sdb" })];
    await never({ disks, chosen: "sdb" }, "DEPLOY_OTHER_DISK_BOOTS");
  });
  it("is a disk written when the ramdisk could choose none", async () => {
    await never({ disks: [blankDisk({ unfit: "usb" })] }, "DEPLOY_NO_DISK");
    await never({ disks: [] }, "DEPLOY_NO_DISK");
  });
  it.for([
    {
      of: "none",
      hints: { serial: "S-9", size: ">= 4" },
      code: "DEPLOY_NO_DISK",
      says: "sda M serial S-1: serial is S-1, not S-9; sdb M serial S-2: serial is S-2, not S-9; sdc M serial S-3: usb",
    },
    {
      of: "both",
      hints: { size: ">= 4" },
      code: "DEPLOY_DISK_AMBIGUOUS",
      says: "2 disks of node n1 could be meant: sda M serial S-1, 37.3 GiB; sdb M serial S-2, 37.3 GiB",
    },
  ])("is a disk written when the hints mean $of: each is named, and kept with the node", async (told) => {
    const { hints, code, says } = told;
    const disks = [blankDisk(), blankDisk({ name: "sdb", serial: "S-2", wwn: "", byId: "sd-2" })];
    const stick = blankDisk({ name: "sdc", serial: "S-3", unfit: "usb" });
    const world = createWorld({
      ...{ disks: [...disks, stick], chosen: "" },
      node: { rootDeviceHints: { serial: "S-1" } },
      spec: { rootDeviceHints: hints },
    });
    world.ramdiskFails("in its own words");
    const error = await settle(world.run());
    expect(codeOf(error)).toBe(code);
    expect((error as Error).message).toContain(says);
    expect(world.seen().map(({ name }) => name)).toEqual(["sda", "sdb", "sdc"]);
    expect(world.server.disk).toBe("before");
  });
  it("is any but the disk that is meant, and the record says why not the others", async () => {
    const disks = [
      blankDisk({ serial: "S-2", wwn: "", byId: "", byPath: "pci-1" }),
      blankDisk({ name: "sdb" }),
      blankDisk({ name: "sdc", serial: "S-3", wwn: "", byId: "ata-S-3", unfit: "usb" }),
    ];
    const world = createWorld({ disks, chosen: "sdb", node: { rootDeviceHints: { serial: "S-1" } } });
    expect(await settle(world.run())).toBeUndefined();
    expect(world.record().rejected).toEqual([
      { disk: "pci-1", reason: "serial is S-2, not S-1" },
      { disk: "ata-S-3", reason: "usb" },
    ]);
  });
  it("is a classic ramdisk's disk written unseen, unless `wipe` gives it up", async () => {
    await never({ classic: true }, "DEPLOY_DISK_UNTOLD");
    const world = createWorld({ classic: true, spec: { wipe: true } });
    expect(await settle(world.run())).toBeUndefined();
    expect(world.server.running).toBe("system");
  });
  it("is another disk written after a cut than the one that was begun", async () => {
    const world = createWorld({ disks: [blankDisk(), blankDisk({ name: "sdb", serial: "S-2", wwn: "w2" })] });
    world.setRecord({ id: "d-1", key: "k", touched: true, disk: blankDisk({ serial: "S-2", wwn: "w2" }) });
    expect(codeOf(await settle(world.run()))).toBe("DEPLOY_OTHER_MACHINE");
    expect(world.done).not.toContain("write");
  });
  it("is an answer of another machine taken for this one's", async () => {
    const world = createWorld({ answers: "52:54:00:ff:ff:ff" });
    expect(codeOf(await settle(world.run()))).toBe("DEPLOY_OTHER_ANSWERS");
    expect(world.server.power).toBe("on");
  });
  it("is a boot told to be switched that was not", async () => {
    const world = createWorld();
    world.happen({
      at: 16,
      when: "before",
      strike: () => {
        throw new Error("no boot device today");
      },
    });
    const error = await settle(world.run());
    expect((error as StepFailed).step).toBe("switch boot");
    expect(world.done).not.toContain("done");
    expect(world.record().done).toBeUndefined();
  });

  it("do two writers work at once: a new boot of the ramdisk ends the older one first", async () => {
    const world = createWorld();
    const targets: string[] = [];
    world.onWrite(async ({ target }) => {
      targets.push(target.iqn);
      if (targets.length > 1) return;
      world.rebootRamdisk();
      await new Promise((resolve) => setImmediate(resolve));
    });
    expect(await settle(world.run())).toBeUndefined();
    expect(targets).toEqual(["iqn.x:boot-1", "iqn.x:boot-2"]);
    expectInstalled(world, "");
  });
  it("is a new boot's disk written unseen", async () => {
    const disks = [blankDisk()];
    const world = createWorld({ disks });
    let writes = 0;
    world.onWrite(async () => {
      writes += 1;
      disks[0] = blankDisk({ serial: "S-9", wwn: "w9" }); // hot-swapped meanwhile
      world.rebootRamdisk();
      await new Promise((resolve) => setImmediate(resolve));
    });
    expect(codeOf(await settle(world.run()))).toMatch(/DEPLOY_(DISK_NOT_BLANK|OTHER_MACHINE)/);
    expect(writes).toBe(1);
  });
});
