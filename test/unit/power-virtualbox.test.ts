import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { controllerOf, Power, placeOf } from "../../provider/drivers/power/index.ts";
import {
  orderWords,
  readCards,
  readInfo,
  readMachines,
} from "../../provider/drivers/power/virtualbox/info.ts";

const uuid = "6294f16b-4f05-4430-afb9-773bdb237aec";

describe("the settings of a VirtualBox machine", () => {
  it("name it and the user's VirtualBox", () => {
    const power = Power.parse({ driver: "virtualbox", vm: "08-00-27-E5-FA-8F", via: "ssh://me@desk" });
    expect(controllerOf(power)).toBe("virtualbox via ssh://me@desk");
    expect(placeOf(power)).toBe("virtualbox via ssh://me@desk 08:00:27:e5:fa:8f");
  });
  it.for([{ vm: "" }, { vm: "a\tb" }, {}])("are refused: %j", (settings) => {
    expect(Power.safeParse({ driver: "virtualbox", ...settings }).success).toBe(false);
  });
});

describe("what VBoxManage writes", () => {
  it("of its machines is a list with names that hold anything, and those it cannot read", () => {
    const other = uuid.replace("62", "73");
    expect(readMachines(`"a "b" {c}" {${uuid}}\r\n<inaccessible> {${other}}\n`)).toEqual([
      { name: 'a "b" {c}', uuid },
      { name: "", uuid: other },
    ]);
    expect(readMachines("")).toEqual([]);
    for (const text of ["E_GARBLED", `"a" {${uuid}}\nhalf`, `"a" {${uuid}`]) {
      expect(readMachines(text)).toBeUndefined();
    }
  });

  it("is read whatever names are in it, and fails by no text", () => {
    const name = fc.string({ unit: "grapheme" }).map((text) => text.replace(/\p{Cc}|\p{Zl}|\p{Zp}/gu, "_"));
    const machines = fc.array(fc.record({ uuid: fc.uuid(), name }));
    fc.assert(
      fc.property(machines, (listed) => {
        const text = listed.map((one) => `"${one.name}" {${one.uuid}}\n`).join("");
        expect(readMachines(text)).toEqual(listed);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const read of [readMachines, readCards, readInfo]) expect(() => read(text)).not.toThrow();
      }),
    );
  });

  it("of cards is a list of MACs for each machine, those of snapshots left out", () => {
    const text = `Name:            u7\nUUID:            ${uuid}\nHardware UUID:   ${uuid}
NIC 1:           MAC: 080027E5FA8F, Attachment: NAT, Cable connected: on
NIC 2:           disabled
Snapshots:
   Name: base (UUID: 085cbbec-70cd-4864-9208-5d938dcabb71) *
   UUID:            085cbbec-70cd-4864-9208-5d938dcabb71
`;
    expect([...(readCards(text) ?? [])]).toEqual([[uuid, ["08:00:27:e5:fa:8f"]]]);
    expect(readCards("\n")?.size).toBe(0);
    expect(readCards("E_GARBLED")).toBeUndefined();
  });

  it.for([
    ["poweroff", "off"],
    ["aborted", "off"],
    ["saved", "saved"],
    ["aborted-saved", "saved"],
    ["running", "on"],
    ["paused", "on"],
    ["gurumeditation", "on"],
    ["starting", "on"],
    ["stopping", "busy"],
    ["restoringsnapshot", "busy"],
    ["unknown", undefined],
    ["", undefined],
  ] as const)("of a state, %j, is %s", ([word, state]) => {
    expect(readInfo(`name="u7"\nVMState="${word}"\n`)?.state).toBe(state);
  });

  it("of a machine is its order of boot, firmware and identity, whatever its description says", () => {
    const text = `name="u7"\r
UUID="${uuid}"
hardwareuuid="11111111-2222-4333-8444-555555555555"
firmware="EFI"
boot1="floppy"
boot2="none"
boot3="net"
boot4="none"
VMState="poweroff"
"SATA Controller-0-0"="/a.vdi"
macaddress1="080027E5FA8F"
macaddress2="080027E5FA90"
description="a
VMState="running"
boot1="disk"
"`;
    expect(readInfo(text)).toEqual({
      ...{ state: "off", order: ["floppy", "net"], boots: undefined, firmware: "uefi" },
      identity: {
        productUuid: "11111111-2222-4333-8444-555555555555",
        macs: ["08:00:27:e5:fa:8f", "08:00:27:e5:fa:90"],
      },
    });
    expect(readInfo("E_GARBLED")).toBeUndefined();
  });

  it("of an order of boot is read again as it was said", () => {
    const orders = fc.uniqueArray(fc.constantFrom("net", "disk", "dvd", "floppy", "usb"));
    fc.assert(
      fc.property(orders, fc.constantFrom("network" as const, "disk" as const), (order, device) => {
        const words = orderWords(order, device);
        const said = words.map((word, at) => (at % 2 === 0 ? word.slice(2) : `="${word}"\n`)).join("");
        const info = readInfo(`VMState="poweroff"\n${said}`);
        expect(info?.boots).toBe(device);
        const rest = order.filter((word) => word !== info?.order[0] && word !== "usb");
        expect(info?.order.slice(1)).toEqual(rest);
        expect(words).toHaveLength(8);
      }),
    );
  });
});
