import { describe, expect, it } from "vitest";
import { createConduct } from "../../../../provider/drivers/power/conduct/index.ts";
import { openPower } from "../../../../provider/drivers/power/index.ts";
import { newContext, realClock } from "../../../../provider/kernel/context.ts";
import { lineLogger } from "../../../../provider/kernel/log.ts";
import { lent } from "../lent.ts";
import { controllers } from "./controllers.ts";

const ctx = newContext();
const { settings, start, open } = controllers();

describe("redfish", () => {
  it.for([
    { lacks: [], sent: { BootSourceOverrideMode: "UEFI" } },
    { lacks: ["BootSourceOverrideMode"], sent: {} },
  ])("chooses what boots on a controller without $lacks, for once and for good", async ({ lacks, sent }) => {
    const machine = await start({ lacks });
    const driver = open(machine.port);
    const target = { device: "network", persistent: false, firmware: "uefi" } as const;
    await driver.setBoot?.(ctx, target);
    expect(await driver.boot?.(ctx)).toMatchObject({ device: "network", persistent: false });
    await driver.setBoot?.(ctx, { ...target, device: "disk", persistent: true });
    expect(await driver.boot?.(ctx)).toMatchObject({ device: "disk", persistent: true });
    const [once, good] = [{ BootSourceOverrideEnabled: "Once" }, { BootSourceOverrideEnabled: "Continuous" }];
    expect(machine.patches).toEqual([
      { BootSourceOverrideTarget: "Pxe", ...once, ...sent },
      { BootSourceOverrideTarget: "Hdd", ...good },
    ]);
  });

  const target = { device: "network", persistent: false, firmware: "uefi" } as const;
  const [how, until, mode] = [
    "BootSourceOverrideTarget",
    "BootSourceOverrideEnabled",
    "BootSourceOverrideMode",
  ];
  it.for([
    {
      which: "lays all of it in its settings object",
      kind: { staged: [how, until, mode] },
      sent: [{ settings: { [how]: "Pxe", [until]: "Once", [mode]: "UEFI" } }],
    },
    {
      which: "lays the mode alone there",
      kind: { staged: [mode] },
      sent: [{ settings: { [mode]: "UEFI" } }, { [how]: "Pxe", [until]: "Once" }],
    },
    { which: "names one that has nothing of it", kind: { staged: [] } },
    { which: "lacks what says how long", kind: { lacks: [until] }, sent: [{ [how]: "Pxe", [mode]: "UEFI" }] },
  ])("chooses what boots on a controller that $which", async ({ kind, sent }) => {
    const machine = await start(kind);
    const driver = open(machine.port);
    await driver.setBoot?.(ctx, target);
    expect(machine.patches).toEqual(sent ?? [{ [how]: "Pxe", [until]: "Once", [mode]: "UEFI" }]);
    expect(await driver.boot?.(ctx)).toMatchObject({ device: "network", firmware: "uefi" });
  });

  it("says all of what boots, also what is so already, to makers that want it", async () => {
    for (const [maker, times] of [
      ["Supermicro", 2],
      ["Lab Works", 1],
    ] as const) {
      const machine = await start({ maker });
      for (let asked = 0; asked < 2; asked += 1) await open(machine.port).setBoot?.(ctx, target);
      expect(machine.patches.filter((patch) => Object.keys(patch as object).length === 3)).toHaveLength(
        times,
      );
    }
  });

  it("chooses for one start where the controller refuses to keep it for good, and says so", async () => {
    const machine = await start({ onceOnly: true });
    const said: string[] = [];
    const heard = { ...ctx, log: lineLogger((line) => said.push(line)) };
    await open(machine.port).setBoot?.(heard, { ...target, persistent: true });
    expect(machine.boot[until]).toBe("Once");
    expect(said.join()).toContain("for one start alone");
  });

  it("asks again while the server is in POST and takes no settings", async () => {
    const machine = await start({ inPost: 2 });
    const { driver } = openPower(settings(machine.port), lent());
    const slept: number[] = [];
    const clock = { ...realClock, sleep: async (ms: number) => void slept.push(ms) };
    const rules = { gap: "0 ms", gapAfterError: "0 ms", backoff: "1 ms" } as const;
    const power = createConduct(rules).around({ controller: "c", driver });
    await power.bootFrom({ ...ctx, clock }, target);
    expect([slept, machine.boot[how]]).toEqual([[1, 2], "Pxe"]);
  });

  it("tells of no override once a server has started by it", async () => {
    const machine = await start();
    const driver = open(machine.port);
    await driver.setBoot?.(ctx, { device: "network", persistent: false, firmware: "bios" });
    await driver.set(ctx, "on");
    expect(await driver.boot?.(ctx)).toBeUndefined();
  });

  it("changes what boots where its tags are weak, and compared as strong ones", async () => {
    const machine = await start({ weakTags: true });
    await open(machine.port).setBoot?.(ctx, { device: "network", persistent: false, firmware: "bios" });
    expect(machine.boot["BootSourceOverrideTarget"]).toBe("Pxe");
  });
});
