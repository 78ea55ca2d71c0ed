import { describe, expect, it } from "vitest";
import { checkInputs } from "../../provider/pulumi/check.ts";
import { differences } from "../../provider/resources/compare.ts";
import { resources } from "../../provider/resources/index.ts";
import { UNKNOWN } from "../../provider/resources/unknown.ts";
import { check, good, type Kind, power } from "../fixtures/good-inputs.ts";

const cases = Object.keys(good) as Kind[];

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
