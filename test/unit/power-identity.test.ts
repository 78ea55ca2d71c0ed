import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalUuid,
  compareIdentity,
  realValue,
  sameUuid,
} from "../../provider/drivers/power/identity.ts";

describe("a value that a vendor left blank", () => {
  it.for([
    "",
    "   ",
    "0000000000",
    "........",
    "xxxxxxx",
    "N/A",
    "none",
    "To Be Filled By O.E.M.",
    "System Serial Number",
    "Default string",
    "Not Specified",
    "0123456789",
    "\0\0",
    "-",
  ])("%j counts as unknown", (text) => {
    expect(realValue(text)).toBeUndefined();
  });
  it.for([
    { text: " SN-12345 ", value: "SN-12345" },
    { text: "CZJ0123456789", value: "CZJ0123456789" },
    { text: "A1\0\0", value: "A1" },
  ])("$text is kept as $value", ({ text, value }) => {
    expect(realValue(text)).toBe(value);
  });
});

describe("a UUID", () => {
  it.for([
    { text: "A1234567-89AB-4DEF-8123-456789ABCDEF", uuid: "a1234567-89ab-4def-8123-456789abcdef" },
    { text: "a12345678 9ab4def8123456789abcdef", uuid: "a1234567-89ab-4def-8123-456789abcdef" },
    { text: "00000000-0000-0000-0000-000000000000", uuid: undefined },
    { text: "ffffffffffffffffffffffffffffffff", uuid: undefined },
    { text: "03000200-0400-0500-0006-000700080009", uuid: undefined },
    { text: "not a uuid", uuid: undefined },
    { text: undefined, uuid: undefined },
  ])("$text reads as $uuid", ({ text, uuid }) => {
    expect(canonicalUuid(text)).toBe(uuid);
  });

  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const shown = (all: Uint8Array) =>
    Buffer.from(all)
      .toString("hex")
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  const smbios = (all: Uint8Array) => {
    const part = (from: number, to: number) => [...all.slice(from, to)].reverse();
    return Uint8Array.from([...part(0, 4), ...part(4, 6), ...part(6, 8), ...all.slice(8)]);
  };

  it("is the same in every byte order that controllers use, whoever is asked first", () => {
    fc.assert(
      fc.property(bytes, (all) => {
        const reversed = Uint8Array.from([...all].reverse());
        for (const other of [all, smbios(all), reversed, smbios(reversed)]) {
          expect(sameUuid(shown(all), shown(other))).toBe(true);
        }
        expect(sameUuid(shown(smbios(all)), shown(all))).toBe(true);
        expect(sameUuid(shown(reversed), shown(all))).toBe(true);
      }),
    );
  });
  it("is another when a byte differs", () => {
    fc.assert(
      fc.property(bytes, fc.nat(15), fc.integer({ min: 1, max: 255 }), (all, at, by) => {
        const other = Uint8Array.from(all, (byte, index) => (index === at ? byte ^ by : byte));
        // The sum of all bytes is the same in every order.
        const sum = (some: Uint8Array) => some.reduce((total, byte) => total + byte, 0);
        fc.pre(sum(all) !== sum(other));
        expect(sameUuid(shown(all), shown(other))).toBe(false);
      }),
    );
  });
});

describe("two identities", () => {
  const guid = "a1234567-89ab-4def-8123-456789abcdef";
  it.for([
    {
      title: "serials differ",
      expected: { serial: "A" + "1" },
      seen: { serial: "B2" },
      verdict: "serial number",
    },
    {
      title: "serials agree but for case",
      expected: { serial: "ab12" },
      seen: { serial: "AB12 " },
      verdict: "same",
    },
    {
      title: "one serial is a placeholder",
      expected: { serial: "A1" },
      seen: { serial: "None" },
      verdict: "unknown",
    },
    { title: "nothing is told", expected: { serial: "A1" }, seen: {}, verdict: "unknown" },
    {
      title: "serials agree and GUIDs differ",
      expected: { serial: "A1", guid },
      seen: { serial: "A1", guid: guid.replace("a", "b") },
      verdict: "GUID",
    },
    {
      title: "the UUID is told in the other order",
      expected: { productUuid: guid },
      seen: { productUuid: "67452301-ab89-ef4d-8123-456789abcdef".replace("67452301", "674523a1") },
      verdict: "same",
    },
    {
      title: "one card is shared",
      expected: { macs: ["52:54:00:00:00:01", "52:54:00:00:00:02"] },
      seen: { macs: ["52:54:00:00:00:02"] },
      verdict: "same",
    },
    {
      title: "no card is shared",
      expected: { macs: ["52:54:00:00:00:01"] },
      seen: { macs: ["52:54:00:00:00:09"] },
      verdict: "MAC",
    },
  ])("are judged $verdict when $title", ({ expected, seen, verdict }) => {
    const found = compareIdentity(expected, seen);
    expect(typeof found === "string" ? found : found.what).toBe(verdict);
  });
});
