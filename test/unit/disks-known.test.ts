import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DiskState } from "../../provider/resources/disks.ts";
import { rejection } from "../../provider/resources/hints.ts";
import { blankDisk } from "../fixtures/blank-disk.ts";
import { type OneServer, openOneServer } from "../fixtures/one-server.ts";
import { openFakeSite, ref, specs } from "../fixtures/site-parts.ts";

const stick = blankDisk({ name: "sdb", serial: "STICK", wwn: "", byId: "usb-STICK", unfit: "usb" });
const spinning = blankDisk({ name: "sdc", serial: "HDD", wwn: "", byId: "ata-HDD", byPath: "pci-9" });

let world: OneServer;
beforeEach(async () => {
  world = await openOneServer();
  world.server.others = [stick, spinning];
});
afterEach(async () => {
  await world.site.close();
});
const nodeNow = () => world.site.nodes.observe(world.site.ctx, ref("n1"));
const first = { rootDeviceHints: { serial: "D-1" } };

describe("the disks that a ramdisk told", () => {
  it("stand in the node's outputs, and hints can be written from them", async () => {
    expect(await nodeNow()).toMatchObject({ disks: [] });
    await world.install(first);
    const disks = ((await nodeNow())?.["disks"] ?? []) as readonly DiskState[];
    expect(disks.map(({ serial, unfit }) => [serial, unfit])).toEqual([
      ["D-1", ""],
      ["STICK", "usb"],
      ["HDD", ""],
    ]);
    const meant = disks.filter((disk) => rejection({ wwn: disks[0]?.wwn }, disk) === "");
    expect(meant).toEqual([disks[0]]);
  });

  it("stay with a node that is declared again, changed, or enrolled on another site", async () => {
    await world.install(first);
    const { disks, ...state } = (await nodeNow()) ?? {};
    const spec = specs.node("10.0.0.1");
    const again = await world.site.nodes.ensure(world.site.ctx, ref("n1"), { ...spec, cpus: 4 });
    expect(again).toMatchObject({ disks });
    const other = await openFakeSite();
    other.serverAt("10.0.0.1").identity = { serial: "SN-1" };
    const known = { state: { ...state, disks } };
    expect(await other.nodes.ensure(other.ctx, ref("n1"), spec, known)).toMatchObject({ disks });
    await other.close();
  });

  it("are those that were not chosen, each with the reason, in the instance's outputs", async () => {
    const state = await world.install(first);
    expect(state).toMatchObject({
      rootDevice: world.server.disk.byId,
      rejectedDisks: [
        { disk: "usb-STICK", reason: "usb" },
        { disk: "ata-HDD", reason: "serial is HDD, not D-1" },
      ],
    });
  });

  it.for([
    { hints: { serial: "HDD" }, warns: undefined },
    {
      hints: { serial: "X" },
      warns: /ramdisk of n1 .*none of its disks is meant: wwn-\S+: serial is D-1, not X; usb-STICK: usb;/,
    },
    { hints: {}, warns: /2 of its disks could be meant: wwn-\S+, ata-HDD$/ },
  ])("show at preview what the hints $hints would mean", async ({ hints, warns }) => {
    const state = await world.install(first);
    const { warnings } = await world.see(state, { rootDeviceHints: hints, allowReinstall: true });
    const said = warnings.filter((one) => one.includes("told its disks last"));
    expect(said).toEqual(warns ? [expect.stringMatching(warns)] : []);
  });
});
