import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Power } from "../../provider/drivers/power/index.ts";
import { magicPacket } from "../../provider/drivers/power/wake-on-lan/packet.ts";
import { checkInputs } from "../../provider/pulumi/check.ts";
import { Node } from "../../provider/resources/node.ts";
import { refusePrograms } from "../../provider/site/local/programs.ts";

const state = ["/usr/local/lib/baremetal/watts"];
const settings = (more: object = {}) => ({
  ...{ driver: "wake-on-lan", address: "u7", mac: "52:54:00:ab:cd:07", state, ...more },
});

describe("the settings of wake-on-lan", () => {
  const faults = (power: object) =>
    checkInputs(Node, { name: "n1", cpus: 1, memory: "1 GiB", disk: "1 GB", power }).failures;

  it("are right as they are, with the usual port and network", () => {
    expect(faults(settings())).toEqual([]);
    expect(Power.parse(settings({ mac: "52-54-00-AB-CD-07" }))).toMatchObject({
      ...{ mac: "52:54:00:ab:cd:07", broadcast: "255.255.255.255", port: 9 },
    });
  });

  it.for([
    { more: { mac: "52:54:00:ab:cd" }, place: "power.mac", says: "Expected a MAC address" },
    { more: { broadcast: "10.0.20" }, place: "power.broadcast", says: "Expected an IPv4 address" },
    { more: { port: 0 }, place: "power.port", says: "at least 1" },
    { more: { password: "PLANTED-secret" }, place: "power.password", says: "Expected six bytes" },
    { more: { password: "192.168.1.256" }, place: "power.password", says: "Expected six bytes" },
    { more: { interface: "eth1; id" }, place: "power.interface", says: "network interface" },
    { more: { state: undefined }, place: "power.state", says: "Required" },
    { more: { off: [] }, place: "power.off", says: "Expected a program" },
    { more: { via: "telnet://jump" }, place: "power.via", says: "its host is not one" },
  ])("are refused at $place: $says", ({ more, place, says }) => {
    const found = faults(settings(more));
    expect(found.map(({ property }) => property)).toEqual([place]);
    expect(found[0]?.reason).toContain(says);
    expect(JSON.stringify(found)).not.toContain("PLANTED");
  });

  it("name the programs that a service may not run", () => {
    const power = Power.parse(settings({ off: ["plug", "off"], softOff: ["ssh", "u7", "poweroff"] }));
    for (const programs of ["none", "/usr/local/lib/baremetal"]) {
      expect(() => refusePrograms({ programs }, power)).toThrow(/POWER_PROGRAM_REFUSED/);
    }
    const own = { programs: "/usr/local/lib/baremetal" };
    expect(() => refusePrograms(own, Power.parse(settings()))).not.toThrow();
  });
});

it("a magic packet is six bytes of ones, sixteen times the address, and the password", () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const hexadecimal = (part: Uint8Array) =>
    Buffer.from(part)
      .toString("hex")
      .replace(/(..)(?!$)/g, "$1:");
  fc.assert(
    fc.property(bytes(6), fc.option(fc.oneof(bytes(6), bytes(4))), (mac, secret) => {
      const password = secret?.length === 4 ? [...secret].join(".") : secret && hexadecimal(secret);
      const packet = magicPacket(hexadecimal(mac), password ?? undefined);
      expect([...packet.subarray(0, 6)]).toEqual([255, 255, 255, 255, 255, 255]);
      for (let at = 6; at < 102; at += 6) expect([...packet.subarray(at, at + 6)]).toEqual([...mac]);
      expect([...packet.subarray(102)]).toEqual([...(secret ?? [])]);
    }),
  );
});
