import { describe, expect, it } from "vitest";
import type { StepFailed } from "../../provider/workflows/run.ts";
import { blankDisk } from "../fixtures/blank-disk.ts";
import type { Scenario } from "../fixtures/deploy-scenario.ts";
import { createWorld } from "../fixtures/deploy-world.ts";
import { codeOf, expectInstalled, limitsPassAtOnce, settle } from "../fixtures/settle.ts";

limitsPassAtOnce();

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
