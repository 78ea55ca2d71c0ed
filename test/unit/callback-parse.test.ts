import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalAddress, sameAddress } from "../../provider/services/callback/address.ts";
import {
  type Announcement,
  type BootEntry,
  cleanMethods,
  type Disk,
  type Growing,
} from "../../provider/services/callback/announcement.ts";
import { keysMatch } from "../../provider/services/callback/key.ts";
import { parseAnnouncement } from "../../provider/services/callback/parse.ts";
import { hostKey as tools } from "../../tools/images/system.ts";
import { encodeAnnouncement } from "../fixtures/announcement.ts";

const from = (pattern: RegExp) => fc.stringMatching(pattern);
const words = fc.string({ unit: "grapheme", maxLength: 24 }).map((text) => text.replace(/\s+/g, " ").trim());
const bytes = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const disk: fc.Arbitrary<Disk> = fc.record({
  name: from(/^(sd[a-z]|nvme\dn1|cciss!c0d0)$/),
  size: bytes,
  sector: fc.constantFrom(512, 4096),
  model: words,
  vendor: words,
  serial: words,
  wwn: words,
  byId: words,
  byPath: words,
  hctl: words,
  rotational: fc.boolean(),
  unfit: words,
  holds: words,
  zero: bytes,
  ...{ erase: fc.constantFrom("sanitize crypto", "enhanced erase", "none: it is neither", "locked") },
});
const growth: fc.Arbitrary<Growing> = fc.oneof(
  fc.constant({ state: "able" } as const),
  fc.record({ state: fc.constant("grown" as const), size: fc.integer({ min: 1, max: 2 ** 52 }) }),
  fc.record({ state: fc.constantFrom("left" as const, "damaged" as const), reason: words }),
);
const bootEntry: fc.Arbitrary<BootEntry> = fc.oneof(
  fc.constant({ state: "able" } as const),
  fc.record({
    state: fc.constant("set" as const),
    entry: from(/^Boot[0-9A-F]{4} (\\[\w .-]{1,8}){1,4}\.efi$/),
  }),
  fc.record({ state: fc.constant("none" as const), reason: words }),
);
const cleaned = fc.record({
  ...{ disk: words, name: from(/^sd[a-z]$/), size: bytes },
  method: fc.constantFrom(...cleanMethods),
});
const mac = from(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
const neighbour = fc.record(
  {
    ...{ chassisId: from(/^[0-9a-f:]{1,17}$/), portId: words, systemName: words, portDescription: words },
    vlan: fc.integer({ min: 0, max: 4095 }),
  },
  { requiredKeys: ["chassisId", "portId", "systemName", "portDescription"] },
);
const nic = fc.record(
  {
    nic: from(/^e[a-z]{2,4}\d$/),
    mac,
    driver: words,
    link: fc.boolean(),
    speed: bytes,
    boot: fc.boolean(),
    neighbour,
  },
  { requiredKeys: ["nic", "mac", "driver", "link", "speed", "boot"] },
);
const hardware = fc.record(
  {
    ...{ cpus: bytes, memory: bytes, vendor: words, product: words, version: words, tpm: fc.boolean() },
    ...{ secureBoot: fc.boolean(), nics: fc.array(nic, { maxLength: 3 }) },
  },
  { requiredKeys: ["cpus", "memory", "vendor", "product", "version", "tpm", "nics"] },
);
const machine = fc
  .record({
    bootId: from(/^[0-9a-f]{16}$/),
    serial: words,
    productUuid: words,
    macs: fc.array(from(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/), { maxLength: 4 }),
    firmware: fc.constantFrom("bios" as const, "uefi" as const),
    disks: fc.array(disk, { maxLength: 6 }),
    choose: fc.boolean(),
    growth: fc.option(growth, { nil: undefined }),
    bootEntry: fc.option(bootEntry, { nil: undefined }),
  })
  .map(({ choose, growth, bootEntry, ...rest }) => ({
    ...rest,
    ...(growth ? { growth } : {}),
    ...(bootEntry ? { bootEntry } : {}),
    ...(choose && rest.disks[0] ? { chosen: rest.disks[0].name } : {}),
  }));
const hostKey = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.concat([field("ssh-ed25519"), field(bytes)]).toString("base64"))
  .map((body) => `ssh-ed25519 ${body}`);
const field = (content: string | Uint8Array) =>
  Buffer.concat([Buffer.from([0, 0, 0, content.length]), Buffer.from(content)]);
const peer = fc.oneof(fc.ipV4(), fc.ipV6()).map((ip) => canonicalAddress(ip) ?? "127.0.0.1");
const announcement: fc.Arbitrary<Announcement> = fc
  .record(
    {
      deployment: from(/^[\w.-]{1,40}$/),
      key: fc.string({ minLength: 1, maxLength: 64, unit: "grapheme" }),
      peer,
      iqn: from(/^iqn[a-z0-9.:-]{0,60}$/),
      error: words.filter(Boolean),
      port: fc.integer({ min: 1, max: 65_535 }),
      lun: fc.integer({ min: 0, max: 16_383 }),
      machine,
      log: fc.string({ minLength: 1, maxLength: 200 }),
      logFrom: fc.nat(),
      mode: fc.constantFrom("clean" as const, "inspect" as const, "rescue" as const),
      hardware,
      hostKey,
      progress: fc.record({ bytes, size: bytes, disk: words }),
      cleaned: fc.array(cleaned, { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: ["deployment", "key", "peer", "iqn", "port", "lun"] },
  )
  .map((parts) => ({ ...parts, address: parts.peer }));

const classic = { i: "7", k: "KEY", a: "10.0.0.5", n: "iqn-0a1b" };
const form = (changes: Record<string, string | undefined> = {}) =>
  new URLSearchParams(
    Object.entries({ ...classic, ...changes }).filter((f): f is [string, string] => f[1] !== undefined),
  ).toString();
const reasonOf = (body: string, from = "10.0.0.5") => {
  const parsed = parseAnnouncement(body, from);
  return parsed.ok ? "accepted" : parsed.reason;
};

describe("reading an announcement", () => {
  it("gives back whatever a ramdisk encoded", () => {
    fc.assert(
      fc.property(announcement, (said) => {
        expect(parseAnnouncement(encodeAnnouncement(said), said.peer)).toEqual({
          ok: true,
          announcement: said,
        });
      }),
    );
  });

  it("answers anything else with one line that repeats nothing of the body, and never throws", () => {
    const field = fc.tuple(fc.constantFrom(..."ikanepl", ..."vbsumfdcowtgrhq", "x"), fc.string());
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.array(field)), fc.string(), (body, peer) => {
        const text = typeof body === "string" ? body : new URLSearchParams(body).toString();
        expect(reasonOf(text, peer)).toMatch(/^[^\r\n]+$/);
      }),
    );
  });

  it("takes what Nova's ramdisk posts, with Nova's defaults", () => {
    expect(parseAnnouncement("i=7&k=KEY&a=10.0.0.5&n=iqn-0a1b&e=", "::ffff:10.0.0.5")).toEqual({
      ok: true,
      announcement: {
        deployment: "7",
        key: "KEY",
        address: "10.0.0.5",
        iqn: "iqn-0a1b",
        port: 3260,
        lun: 1,
        peer: "10.0.0.5",
      },
    });
  });

  it.for([
    [{ i: undefined }, "parameter 'i' is not defined"],
    [{ k: undefined }, "parameter 'k' is not defined"],
    [{ k: "" }, "parameter 'k' is not defined"],
    [{ a: undefined }, "parameter 'a' is not defined"],
    [{ n: "" }, "parameter 'n' is not defined"],
    [{ a: "node7.example" }, "parameter 'a' is not an address"],
    [{ a: "10.0.0.6" }, "address is not the peer's"],
    [{ n: "iqn-1,file.driver=nbd" }, "parameter 'n' is not an iSCSI name"],
    [{ n: 'iqn-"' }, "parameter 'n' is not an iSCSI name"],
    [{ n: "iqn 1" }, "parameter 'n' is not an iSCSI name"],
    [{ p: "0" }, "parameter 'p' is not a whole number from 1 to 65535"],
    [{ p: "3260x" }, "parameter 'p' is not a whole number from 1 to 65535"],
    [{ l: "-1" }, "parameter 'l' is not a whole number from 0 to 16383"],
    [{ v: "2" }, "parameter 'v' is of another ramdisk's time: build the ramdisk again"],
    [{ v: "1", b: "1", f: "coreboot" }, "parameter 'f' is neither bios nor uefi"],
    [{ v: "1", f: "bios" }, "parameter 'b' is not defined"],
    [{ v: "1", b: "1", f: "bios", m: "52:54:00" }, "parameter 'm' holds what is not a MAC"],
    [{ v: "1", b: "1", f: "bios", d: "size=4" }, "parameter 'd' holds a disk without a name"],
    [{ v: "1", b: "1", f: "bios", c: "sdb" }, "parameter 'c' is not one of the disks of 'd'"],
    [{ v: "1", b: "1", f: "bios", n: undefined }, "parameter 'n' is not defined"],
    [{ v: "1", b: "1", f: "bios", w: "shrunk" }, "parameter 'w' is not what a root file system may come to"],
    [
      { v: "1", b: "1", f: "bios", w: "grown lots" },
      "parameter 'w' is not a whole number from 1 to 9007199254740991",
    ],
    [{ t: "erase" }, "parameter 't' is none of clean, inspect, rescue"],
    [{ g: "half of it" }, "parameter 'g' is not a whole number from 0 to 9007199254740991"],
    [{ h: "cpus=many\tmemory=1" }, "parameter 'h:cpus' is not a whole number from 0 to 9007199254740991"],
    [{ h: "cpus=1\tmemory=1\nnic=eth0" }, "parameter 'm' holds what is not a MAC"],
    [{ x: "ssh-ed25519 AAAA" }, "parameter 'x' is not a public key of the kind ssh-ed25519"],
    [{ x: `${tools} root@x` }, "parameter 'x' is not a public key of the kind ssh-ed25519"],
    [{ x: `${tools}\n10.0.0.9 ${tools}` }, "parameter 'x' is not a public key of the kind ssh-ed25519"],
    [{ r: "disk=1\tname=sda\tsize=9" }, "parameter 'r:method' is none of metadata, discard, full, secure"],
  ] as const)("refuses %j: %s", ([changes, reason]) => {
    expect(reasonOf(form(changes))).toBe(reason);
  });

  it("hears the error of our own ramdisk even where there was no target yet", () => {
    const parsed = parseAnnouncement(
      form({ v: "1", b: "1", f: "bios", n: undefined, e: "no disk" }),
      "10.0.0.5",
    );
    expect(parsed).toMatchObject({ ok: true, announcement: { error: "no disk", iqn: "" } });
  });

  it("asks a ramdisk that exports nothing for no target", () => {
    const body = form({ v: "1", b: "1", f: "bios", n: undefined, t: "clean" });
    expect(parseAnnouncement(body, "10.0.0.5")).toMatchObject({ ok: true, announcement: { mode: "clean" } });
  });
});

describe("addresses", () => {
  it.for([
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["FD00:0:0:0:0:0:0:1", "fd00::1"],
    ["fe80::1%br0", "fe80::1%br0"],
    ["10.0.0.1", "10.0.0.1"],
    ["10.0.0", undefined],
    ["localhost", undefined],
    ["fe80::1%a b", undefined],
  ] as const)("%s is %s", ([text, canonical]) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it("compares zones only where both are told", () => {
    expect(sameAddress("fe80::1", "fe80::1%br0")).toBe(true);
    expect(sameAddress("fe80::1%eth0", "fe80::1%br0")).toBe(false);
  });
});

describe("keys", () => {
  it("match only themselves, and an empty one matches nothing", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => keysMatch(a, b) === (a === b && a !== "")));
    expect(keysMatch("secret", "secret")).toBe(true);
    expect(keysMatch("", "")).toBe(false);
  });
});
