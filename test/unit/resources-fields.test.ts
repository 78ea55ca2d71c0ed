import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  canonicalMac,
  checksum,
  duration,
  location,
  mac,
  name,
  size,
} from "../../provider/resources/fields.ts";

const octets = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => Buffer.from(bytes).toString("hex"));
const inPairs = (hex: string, between: string) => hex.replace(/(..)(?=.)/g, `$1${between}`);
const notations: readonly ((hex: string) => string)[] = [
  (hex) => hex,
  (hex) => inPairs(hex, ":"),
  (hex) => inPairs(hex, "-"),
  (hex) => hex.replace(/(....)(?=.)/g, "$1."),
];

describe("a MAC address", () => {
  it("is the same in every notation and case", () => {
    fc.assert(
      fc.property(octets, fc.constantFrom(...notations), fc.boolean(), (hex, write, upper) => {
        const text = upper ? write(hex).toUpperCase() : write(hex);
        expect(canonicalMac(` ${text} `)).toBe(inPairs(hex, ":"));
      }),
    );
  });

  it("stays as it is once it is canonical", () => {
    fc.assert(
      fc.property(octets, (hex) => {
        const once = canonicalMac(hex) ?? "";
        expect(canonicalMac(once)).toBe(once);
      }),
    );
  });

  it.for([
    "52:54:00:12:34",
    "52:54:00:12:34:5g",
    "52-54:00:12:34:56",
    "5254.0012.345",
    "",
    "525400123456789",
  ])("is not %j", (text) => {
    expect(canonicalMac(text)).toBeUndefined();
    expect(mac.safeParse(text).success).toBe(false);
  });

  it.for(["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"])("of a card is not %s", (text) => {
    expect(mac.safeParse(text).error?.issues[0]?.message).toContain("group or null address");
  });
});

describe("a value with a unit", () => {
  it.for(["64 GiB", "480 GB", "1.5 TiB", "0 B", "12 kB"])("%s is a size", (text) => {
    expect(size.safeParse(text).success).toBe(true);
  });
  it.for(["64", "64GiB", "64 gib", "-1 GiB", "GiB", "64  GiB", 64, undefined])("%j is no size", (given) => {
    expect(size.safeParse(given).success).toBe(false);
  });
  it.for(["90 seconds", "1 second", "250 ms", "2.5 hours", "30 minutes"])("%s is a duration", (text) => {
    expect(duration.safeParse(text).success).toBe(true);
  });
  it.for(["90", "90s", "5 days", 90])("%j is no duration", (given) => {
    expect(duration.safeParse(given).success).toBe(false);
  });
});

describe("a name", () => {
  it.for(["a", "rack1-u7", "web.1_b", "9", "a".repeat(63)])("can be %s", (text) => {
    expect(name.safeParse(text).success).toBe(true);
  });
  it.for(["", "-a", ".a", "a b", "a/b", "ä", "a".repeat(64), "a\n"])("cannot be %j", (text) => {
    expect(name.safeParse(text).success).toBe(false);
  });
});

describe("a place to fetch from", () => {
  it.for(["./a.qcow2", "/srv/a.img", "https://x/a", "HTTP://x/a", "C:\\a"])("can be %s", (text) => {
    expect(location.safeParse(text).success).toBe(true);
  });
  it.for(["ftp://x/a", "file://host/a", "site:a", "upload:sha256:0:/a", "s3:a", ""])(
    "cannot be %j",
    (text) => {
      expect(location.safeParse(text).success).toBe(false);
    },
  );
  it("has a checksum that is kept lower-case", () => {
    expect(checksum.parse(`sha256:${"AB".repeat(32)}`)).toBe(`sha256:${"ab".repeat(32)}`);
    expect(checksum.safeParse(`sha256:${"ab".repeat(31)}`).success).toBe(false);
    expect(checksum.safeParse(`md5:${"ab".repeat(16)}`).success).toBe(false);
  });
});
