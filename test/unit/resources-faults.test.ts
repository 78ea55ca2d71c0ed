import { describe, expect, it } from "vitest";
import { distance } from "../../provider/kernel/spelling.ts";
import { toProperty } from "../../provider/resources/unknown.ts";
import { check, power } from "../fixtures/good-inputs.ts";

const at = (property: string, reason: string) => ({
  property,
  reason: expect.stringContaining(reason) as string,
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
