import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packet, sequenceAfter } from "../../provider/drivers/power/iboot/dxp.ts";
import { controllerOf, Power, placeOf, together } from "../../provider/drivers/power/index.ts";
import { headerOf } from "../contract/power/iboot/device.ts";

const good = { driver: "iboot", address: "10.0.0.9", user: "admin", password: "secret" };
const power = (more: object = {}) => Power.parse({ ...good, ...more });

describe("the settings of an iBoot", () => {
  it.for([
    { address: "10.0.0.9", place: "10.0.0.9:9100 relay 1" },
    { address: "iBoot-7.rack1.example:9101", place: "iboot-7.rack1.example:9101 relay 1" },
    { address: "10.0.0.9:9100,2", place: "10.0.0.9:9100 relay 2" },
    { address: "10.0.0.9,3", place: "10.0.0.9:9100 relay 3" },
    { address: "2001:db8::9", place: "[2001:db8::9]:9100 relay 1" },
    { address: "2001:db8::9,2", place: "[2001:db8::9]:9100 relay 2" },
    { address: "[2001:db8::9]:9101,2", place: "[2001:db8::9]:9101 relay 2" },
    { relay: 8, place: "10.0.0.9:9100 relay 8" },
    { protocol: "text", user: undefined, place: "10.0.0.9:80 relay 1" },
  ])("name its outlet $place", ({ place, ...change }) => {
    expect(placeOf(power(change))).toBe(place);
  });

  it.for([
    { address: "" },
    { address: "10.0.0.9:0" },
    { address: "10.0.0.9:65536" },
    { address: "10.0.0.9,0" },
    { address: "10.0.0.9,33" },
    { address: "10.0.0.9,two" },
    { address: "10.0.0.9 9100" },
    { address: "https://10.0.0.9" },
    { address: "[10.0.0.9" },
    { relay: 0 },
    { relay: 33 },
    { relay: 2, address: "10.0.0.9,2" },
    { relay: 2, protocol: "text" },
    { user: undefined },
    { user: "twenty-one-characters" },
    { password: "a\rb" },
    { password: "ä".repeat(11) },
    { protocol: "telnet" },
  ])("refuse %j at its place", (change) => {
    const { error } = Power.safeParse({ ...good, ...change });
    expect(error?.issues.map(({ path }) => path[0])).toContain(Object.keys(change)[0]);
  });

  it("have two servers at one device in one row, switched apart", () => {
    const [one, other] = [power({ relay: 1 }), power({ address: "10.0.0.9,2" })];
    expect(controllerOf(one)).toBe(controllerOf(other));
    expect(together(one, other)).toBe(false);
    expect(together(one, power())).toBe(true);
  });
});

describe("a command to an iBoot", () => {
  const text = fc
    .string({ unit: "grapheme", maxLength: 20 })
    .filter((word) => Power.safeParse({ ...good, user: word, password: word }).success);

  it("says who asks for what, as it was meant", () => {
    const header = fc.record({
      user: text,
      password: text,
      descriptor: fc.nat(255),
      sequence: fc.nat(65_535),
    });
    fc.assert(
      fc.property(header, fc.array(fc.nat(255), { maxLength: 32 }), (meant, payload) => {
        const bytes = packet(meant, meant.descriptor, meant.sequence, payload);
        expect(bytes).toHaveLength(47 + payload.length);
        expect(headerOf(bytes)).toEqual(meant);
        expect([...bytes.subarray(47)]).toEqual(payload);
      }),
    );
  });

  it("is made of the bytes that python-iboot sends", () => {
    const bytes = packet({ user: "u", password: "p" }, 1, 0x1234, [2, 1]);
    const expected = ["03", "75", "00".repeat(20), "70", "00".repeat(20), "01", "00", "3412", "0201"];
    expect(bytes.toString("hex")).toBe(expected.join(""));
  });

  it.for([
    [0, 1],
    [1_000, 1_001],
    [0xffff, 0],
  ] as const)("that follows %i has number %i", ([told, number]) => {
    expect(sequenceAfter(told)).toBe(number);
  });
});
