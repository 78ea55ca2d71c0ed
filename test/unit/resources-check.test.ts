import { describe, expect, it } from "vitest";
import { distance } from "../../provider/kernel/spelling.ts";
import { checkInputs } from "../../provider/pulumi/check.ts";
import { differences, equal } from "../../provider/resources/compare.ts";
import { resources } from "../../provider/resources/index.ts";
import { toProperty, UNKNOWN } from "../../provider/resources/unknown.ts";

type Inputs = Readonly<Record<string, unknown>>;
const power = { driver: "ipmi", address: "10.0.0.17", user: "admin", password: "planted-secret" };
const good: Readonly<Record<keyof typeof resources, Inputs>> = {
  nodes: { name: "n1", power, cpus: 4, memory: "8 GiB", disk: "100 GB" },
  interfaces: { name: "i1", node: "n1", mac: "5254.0012.3456" },
  flavors: { name: "f1", cpus: 2, memory: "4 GiB", rootDisk: "40 GiB" },
  images: { name: "d12", source: "./debian.qcow2" },
  instances: { name: "web-1", flavor: "f1", image: "d12" },
};
const cases = Object.keys(good) as (keyof typeof resources)[];
const check = (kind: keyof typeof resources, more: Inputs = {}, olds?: Inputs) =>
  checkInputs(resources[kind], { ...good[kind], ...more }, olds);
const at = (property: string, reason: string) => ({
  property,
  reason: expect.stringContaining(reason) as string,
});

describe("checked inputs", () => {
  it.for(cases)("of %s are the same when they are checked again", (kind) => {
    const once = check(kind).inputs ?? {};
    expect(checkInputs(resources[kind], once).inputs).toEqual(once);
    expect(differences(resources[kind], once, once).changed).toEqual([]);
  });

  it("are canonical and carry the defaults", () => {
    const card = { name: "i1", node: "n1", mac: "52:54:00:12:34:56", drift: [] };
    expect(check("interfaces").inputs).toEqual(card);
    expect(check("instances").inputs).toMatchObject({
      power: "on",
      waitFor: { port: 22 },
      onDelete: "off",
      wipe: false,
    });
    expect(check("nodes").inputs).toMatchObject({ arch: "x86_64", power: { port: 623 } });
  });

  it("keep what the SDK added, except whether it is a preview", () => {
    const hidden = { __owner: "o/p/s", __urn: "urn:x", __logicalName: "l", __provider: "exports" };
    const { inputs, dryRun } = check("flavors", { ...hidden, __dryRun: true });
    expect(inputs).toMatchObject(hidden);
    expect(inputs).not.toHaveProperty("__dryRun");
    expect(dryRun).toBe(true);
  });

  it.for([
    { from: "the input", news: { name: "a", __logicalName: "c" }, olds: { name: "b" }, is: "a" },
    { from: "what it was", news: { name: undefined, __logicalName: "c" }, olds: { name: "b" }, is: "b" },
    { from: "the logical name", news: { name: null, __logicalName: "c" }, olds: {}, is: "c" },
  ])("take the name from $from", ({ news, olds, is }) => {
    expect(check("flavors", news, olds).inputs?.["name"]).toBe(is);
  });

  it("leave out what was left out by undefined or null, at any depth", () => {
    const { inputs } = check("nodes", {
      identity: { serial: undefined, productUuid: null },
      resetTrigger: null,
    });
    expect(inputs?.["identity"]).toEqual({});
    expect(inputs).not.toHaveProperty("resetTrigger");
  });
});

describe("a fault", () => {
  it.for([
    { kind: "nodes", given: { arch: "sparc" }, fault: at("arch", 'one of "x86_64", "aarch64"') },
    { kind: "nodes", given: { arch: "aarch64" }, fault: at("bootMode", "starts by UEFI") },
    {
      kind: "nodes",
      given: { arch: "i386", bootMode: "uefi", clean: "none" },
      fault: at("bootMode", "no boot loader for 32-bit UEFI"),
    },
    { kind: "nodes", given: { arch: "i386" }, fault: at("clean", 'clean: "none"') },
    { kind: "images", given: { arch: "arm64" }, fault: at("arch", 'one of "x86_64", "aarch64", "i386"') },
    {
      kind: "nodes",
      given: { boot: { driver: "virtual-media" }, bootMode: "uefi" },
      fault: at("boot", "Only a controller that speaks Redfish"),
    },
    {
      kind: "nodes",
      given: {
        boot: { driver: "virtual-media" },
        power: { driver: "redfish", address: "10.0.0.1", user: "a", password: "b" },
      },
      fault: at("bootMode", "by UEFI"),
    },
    { kind: "nodes", given: { bootMode: "efi" }, fault: at("bootMode", 'one of "bios", "uefi"') },
    { kind: "nodes", given: { cpus: 0 }, fault: at("cpus", "at least 1") },
    { kind: "nodes", given: { cpus: 1.5 }, fault: at("cpus", "a whole number") },
    { kind: "nodes", given: { cpus: "4" }, fault: at("cpus", "Expected a number, not a string") },
    { kind: "nodes", given: { memory: "64" }, fault: at("memory", '"64 GiB"') },
    { kind: "nodes", given: { memory: undefined }, fault: at("memory", "Required: a number and a unit") },
    { kind: "nodes", given: { power: undefined }, fault: at("power", "Required: an object") },
    {
      kind: "nodes",
      given: { power: undefined, boot: { driver: "virtual-media" }, bootMode: "uefi" },
      fault: at("power", "Required: an object"),
    },
    { kind: "nodes", given: { power: { driver: "ipmy" } }, fault: at("power.driver", "known are: ipmi") },
    { kind: "nodes", given: { power: { ...power, port: 0 } }, fault: at("power.port", "at least 1") },
    {
      kind: "nodes",
      given: { power: { ...power, address: undefined } },
      fault: at("power.address", "Required"),
    },
    {
      kind: "nodes",
      given: { capabilities: { "a b": "c" } },
      fault: at('capabilities["a b"]', "capability name"),
    },
    { kind: "nodes", given: { capabilities: { a: 1 } }, fault: at("capabilities.a", "Expected a string") },
    { kind: "nodes", given: { captabilities: {} }, fault: at("captabilities", "did you mean capabilities?") },
    { kind: "nodes", given: { zzz: 1 }, fault: at("zzz", "known are name, power") },
    { kind: "nodes", given: { identity: { productUuid: "x" } }, fault: at("identity.productUuid", "a UUID") },
    {
      kind: "nodes",
      given: { identity: { seriel: "x" } },
      fault: at("identity.seriel", "did you mean serial?"),
    },
    { kind: "nodes", given: { name: "a b" }, fault: at("name", "Expected a name") },
    { kind: "interfaces", given: { mac: "52:54" }, fault: at("mac", "12 hexadecimal digits") },
    { kind: "interfaces", given: { mac: "01:00:5e:00:00:01" }, fault: at("mac", "group or null") },
    { kind: "interfaces", given: { address: "10.0.0" }, fault: at("address", "an IPv4 address") },
    { kind: "interfaces", given: { node: {} }, fault: at("node", "a Node or its name") },
    {
      kind: "flavors",
      given: { deployRamdisk: { kernel: "k", ramdisk: "r", protocol: "nova" } },
      fault: at("deployRamdisk.acceptFirstDisk", "acceptFirstDisk: true"),
    },
    {
      kind: "flavors",
      given: { efiSystemPartition: "200 MiB" },
      fault: at("efiSystemPartition", 'needs diskLabel: "gpt"'),
    },
    {
      kind: "flavors",
      given: { diskLabel: "gpt", efiSystemPartition: "32 MiB" },
      fault: at("efiSystemPartition", "at least 64 MiB"),
    },
    { kind: "images", given: { source: "ftp://x/y" }, fault: at("source", "http or https") },
    { kind: "images", given: { source: "http://x/y" }, fault: at("checksum", "Plain http") },
    { kind: "images", given: { checksum: "md5:0" }, fault: at("checksum", '"sha256:" and 64') },
    { kind: "images", given: { kernel: { source: "k" } }, fault: at("ramdisk", "both kernel and ramdisk") },
    { kind: "images", given: { kernelArgs: ["a", "b c"] }, fault: at("kernelArgs[1]", "one word") },
    { kind: "instances", given: { node: "a", candidates: ["b"] }, fault: at("candidates", "or neither") },
    { kind: "instances", given: { candidates: [] }, fault: at("candidates", "at least 1 element") },
    {
      kind: "instances",
      given: { interfaces: ["a", 3] },
      fault: at("interfaces[1]", "an Interface or its name"),
    },
    {
      kind: "instances",
      given: { waitFor: 7 },
      fault: at("waitFor", 'Expected one of "written", "ping", "ssh", "phone-home", or an object'),
    },
    { kind: "instances", given: { waitFor: { port: 0 } }, fault: at("waitFor.port", "at least 1") },
    { kind: "instances", given: { waitFor: { prot: 22 } }, fault: at("waitFor.port", "Required") },
    { kind: "instances", given: { timeouts: { power: "3" } }, fault: at("timeouts.power", '"90 seconds"') },
    { kind: "instances", given: { onDelete: "erase" }, fault: at("onDelete", 'one of "keep", "off"') },
  ] as const)("of $kind is told at its place: $given", ({ kind, given, fault }) => {
    const { failures, inputs } = check(kind, given);
    expect(failures).toContainEqual(fault);
    expect(inputs).toBeUndefined();
  });

  it("does not hide another, not even a rule across fields", () => {
    const { failures } = check("images", {
      source: "http://x",
      format: "vmdk",
      kernel: { source: 3 },
      colour: "red",
    });
    expect(failures.map(({ property }) => property)).toEqual([
      "checksum",
      "colour",
      "format",
      "kernel.source",
      "ramdisk",
    ]);
    const instance = check("instances", {
      node: "a",
      candidates: ["b"],
      timeouts: { power: "3" },
      flavor: 1,
    });
    expect(instance.failures.map(({ property }) => property)).toEqual([
      "candidates",
      "flavor",
      "timeouts.power",
    ]);
  });

  it("never repeats a secret", () => {
    const wrong = { ...power, password: "planted-secret-of-more-than-20-bytes", driver: "ipmi", port: "x" };
    const { failures } = check("nodes", { power: wrong });
    expect(failures.length).toBeGreaterThan(0);
    expect(JSON.stringify(failures)).not.toContain("planted-secret");
  });

  it("of a name that nobody gave is told", () => {
    expect(check("flavors", { name: undefined }).failures).toEqual([at("name", "Required")]);
  });
});

describe("an unknown value", () => {
  it.for([
    { kind: "nodes", given: { power: UNKNOWN }, unknown: ["power"] },
    {
      kind: "nodes",
      given: { power: { ...power, address: UNKNOWN, password: UNKNOWN } },
      unknown: ["power.address", "power.password"],
    },
    {
      kind: "nodes",
      given: { cpus: UNKNOWN, memory: UNKNOWN, arch: UNKNOWN },
      unknown: ["cpus", "memory", "arch"],
    },
    { kind: "nodes", given: { capabilities: { rack: UNKNOWN } }, unknown: ["capabilities.rack"] },
    {
      kind: "interfaces",
      given: { mac: UNKNOWN, node: UNKNOWN, address: UNKNOWN },
      unknown: ["mac", "node", "address"],
    },
    { kind: "images", given: { source: UNKNOWN, checksum: UNKNOWN }, unknown: ["source", "checksum"] },
    {
      kind: "instances",
      given: { flavor: UNKNOWN, candidates: ["a", UNKNOWN] },
      unknown: ["flavor", "candidates[1]"],
    },
    { kind: "instances", given: { waitFor: { port: UNKNOWN } }, unknown: ["waitFor.port"] },
    {
      kind: "instances",
      given: { waitFor: UNKNOWN, timeouts: { power: UNKNOWN } },
      unknown: ["waitFor", "timeouts.power"],
    },
  ] as const)("of $kind is no fault and stays in its place: $unknown", ({ kind, given, unknown }) => {
    const { inputs, failures, unknown: told } = check(kind, given);
    expect(failures).toEqual([]);
    expect([...told].sort()).toEqual([...unknown].sort());
    expect(inputs).toMatchObject(given);
  });

  it("does not hide the faults of known ones, nor the rules across fields", () => {
    const { failures } = check("instances", {
      node: UNKNOWN,
      candidates: [UNKNOWN],
      waitFor: { port: UNKNOWN },
      wipe: 1,
    });
    expect(failures.map(({ property }) => property)).toEqual(["candidates", "wipe"]);
  });

  it("counts as given", () => {
    expect(check("images", { kernel: { source: "k" }, ramdisk: UNKNOWN }).failures).toEqual([]);
    expect(check("images", { source: "http://x", checksum: UNKNOWN }).failures).toEqual([]);
  });

  it("leaves the defaults beside it", () => {
    const { inputs } = check("nodes", { power: { ...power, address: UNKNOWN } });
    expect(inputs?.["power"]).toMatchObject({ port: 623, privilege: "OPERATOR" });
  });
});

describe("a difference", () => {
  const stateOf = (kind: keyof typeof resources, more: Inputs = {}) => check(kind, more).inputs ?? {};

  it.for([
    { kind: "nodes", news: { cpus: 8 }, changes: { cpus: "in-place" } },
    { kind: "nodes", news: { power: { ...power, port: 624 } }, changes: { power: "in-place" } },
    { kind: "nodes", news: { name: "other" }, changes: { name: "refused" } },
    {
      kind: "interfaces",
      news: { node: "n2", mac: "52:54:00:00:00:01" },
      changes: { mac: "refused-in-use", node: "replace" },
    },
    { kind: "flavors", news: { rootDisk: "50 GiB" }, changes: { rootDisk: "reinstall" } },
    {
      kind: "instances",
      news: { power: "off", imageDigest: "b" },
      changes: { power: "power", imageDigest: "reinstall" },
    },
    { kind: "instances", news: { imageDigest: UNKNOWN, flavor: UNKNOWN }, changes: {} },
    { kind: "instances", news: { node: UNKNOWN }, changes: {} },
    { kind: "instances", news: { rebootTrigger: UNKNOWN }, changes: { rebootTrigger: "power" } },
  ] as const)("of $kind is told with what it does: $changes", ({ kind, news, changes }) => {
    const olds = stateOf(kind, { ...(kind === "instances" ? { imageDigest: "a" } : {}), siteId: undefined });
    const found = differences(resources[kind], { ...olds, provisionState: "active" }, { ...olds, ...news });
    expect(found.changes).toEqual(changes);
    expect([...found.changed].sort()).toEqual(Object.keys(changes).sort());
  });

  it("is none between a default and nothing, at any depth", () => {
    expect(differences(resources.nodes, good.nodes, stateOf("nodes")).changed).toEqual([]);
    expect(differences(resources.instances, stateOf("instances"), good.instances).changed).toEqual([]);
  });

  it("is none for hidden inputs, outputs and digests that were not computed", () => {
    const olds = { ...stateOf("images"), digest: "d", kind: "partition", __urn: "a", __provider: "x" };
    expect(differences(resources.images, olds, { ...stateOf("images"), __urn: "b" }).changed).toEqual([]);
  });

  it("is seen when a list with an unknown element is longer, not when it can be the same", () => {
    const olds = stateOf("instances", { candidates: ["a", "b"] });
    const of = (candidates: unknown) =>
      differences(resources.instances, olds, { ...olds, candidates }).changed;
    expect(of(["a", UNKNOWN])).toEqual([]);
    expect(of(["c", UNKNOWN])).toEqual(["candidates"]);
    expect(of(["a", "b", UNKNOWN])).toEqual(["candidates"]);
  });

  it("does not mind absent values in objects", () => {
    expect(equal({ a: 1, b: undefined }, { a: 1, c: null })).toBe(true);
    expect(equal([1], { 0: 1 })).toBe(false);
  });
});

describe("small parts", () => {
  it("writes places as Pulumi does", () => {
    expect(toProperty(["a", 0, "b-c", "d"])).toBe('a[0]["b-c"].d');
    expect(toProperty([])).toBe("");
  });
  it.for([
    ["adress", "address", 1],
    ["prot", "port", 1],
    ["", "abc", 3],
    ["kitten", "sitting", 3],
  ] as const)("takes %s to %s in %i", ([a, b, steps]) => {
    expect(distance(a, b)).toBe(steps);
  });
});
