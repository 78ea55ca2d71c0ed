import { describe, expect, it } from "vitest";
import { differences, equal } from "../../provider/resources/compare.ts";
import { resources } from "../../provider/resources/index.ts";
import { UNKNOWN } from "../../provider/resources/unknown.ts";
import { check, good, type Inputs, type Kind, power } from "../fixtures/good-inputs.ts";

describe("a difference", () => {
  const stateOf = (kind: Kind, more: Inputs = {}) => check(kind, more).inputs ?? {};

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
