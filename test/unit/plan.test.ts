import { describe, expect, it } from "vitest";
import {
  type Effect,
  erasingFields,
  type InstanceFacts,
  planInstance,
  type ResourcePlan,
} from "../../provider/resources/plan.ts";
import { UNKNOWN } from "../../provider/resources/unknown.ts";
import { facts, spec, system } from "../fixtures/instance-facts.ts";

interface Row {
  readonly when: string;
  readonly after?: object;
  readonly more?: Partial<InstanceFacts>;
  readonly effect: Effect;
  readonly plan?: Partial<ResourcePlan>;
}
const nothing: Partial<InstanceFacts> = { before: undefined, system: undefined, server: undefined };
const n2 = { chosen: "n2", rejected: { n1: "instance web-1 holds it" } };

describe("the plan of an instance", () => {
  it.for<Row>([
    { when: "nothing is there", more: { ...nothing, choice: n2 }, effect: "install", plan: { choice: n2 } },
    { when: "its first installation was cut off", more: { ...nothing, underWay: "n1" }, effect: "install" },
    { when: "it adopts", after: { adopt: true }, more: nothing, effect: "adopt" },
    { when: "nothing changed", effect: "none", plan: { changed: [] } },
    { when: "only our records change", after: { locked: true, onDelete: "keep" }, effect: "in-place" },
    { when: "it is to be off", after: { power: "off" }, effect: "power" },
    { when: "it is to reboot", after: { rebootTrigger: "1" }, effect: "power" },
    {
      when: "a refresh found it off",
      more: { before: spec({ power: "off" }) },
      effect: "power",
      plan: { actions: ["power n1 on"] },
    },
    {
      when: "a refresh found it on, and it is to be off",
      after: { power: "off" },
      more: { before: spec({ power: "on" }) },
      effect: "power",
      plan: { actions: ["ask n1 to shut down"] },
    },
    {
      when: "it is off and stays off, and its reboot trigger changed",
      after: { power: "off", rebootTrigger: "1" },
      more: { before: spec({ power: "off" }) },
      effect: "in-place",
    },
    {
      when: "another system was found on it",
      more: { system: system({ foreign: true }) },
      effect: "reinstall",
    },
    {
      when: "another system was found on it, which is taken over",
      after: { adopt: true },
      more: { system: system({ foreign: true }) },
      effect: "adopt",
    },
    { when: "it adopts what is its own already", after: { adopt: true }, effect: "in-place" },
    {
      when: "it adopts its own system and changes the image",
      after: { adopt: true, imageDigest: "sha256:9" },
      effect: "reinstall",
    },
    { when: "its image changed", after: { imageDigest: "sha256:9" }, effect: "reinstall" },
    {
      when: "its image and its power changed",
      after: { imageDigest: "sha256:9", power: "off" },
      effect: "reinstall",
      plan: { changed: ["imageDigest", "power"] },
    },
    {
      when: "its reinstall stopped before the first byte",
      more: { system: system({ whole: false }) },
      effect: "restore",
    },
    {
      when: "its reinstall stopped before the first byte, and it is wanted still",
      after: { imageDigest: "sha256:9" },
      more: { system: system({ whole: false }) },
      effect: "reinstall",
    },
    {
      when: "it moves to another node",
      after: { node: "n2" },
      effect: "replace",
      plan: { replaces: ["node"] },
    },
    {
      when: "its node is no candidate any more",
      after: { node: undefined, candidates: ["n2", "n3"] },
      effect: "replace",
      plan: { replaces: ["candidates"] },
    },
    {
      when: "it has one candidate more",
      after: { node: undefined, candidates: ["n1", "n2"] },
      more: { before: spec({ node: undefined, candidates: ["n1"] }) },
      effect: "in-place",
    },
    {
      when: "the flavor asks for more than its node has",
      more: { unfit: "it has 4 CPUs, asked are 8" },
      effect: "replace",
      plan: { replaces: ["flavor"] },
    },
    { when: "Pulumi replaces it for reasons of its own", more: { replacing: true }, effect: "replace" },
    {
      when: "it moves and changes its image at once",
      after: { node: "n2", imageDigest: "sha256:9" },
      effect: "replace",
      plan: { replaces: ["node"] },
    },
    { when: "its record is lost", more: { lost: "installed" }, effect: "enrol" },
    {
      when: "its record is lost and its power changed",
      after: { power: "off" },
      more: { lost: "installed" },
      effect: "enrol",
    },
    {
      when: "its record is lost and nobody says where it stands",
      after: { node: undefined, candidates: ["n2"] },
      more: { lost: "installed", system: system({ node: "" }) },
      effect: "enrol",
      plan: { actions: ["enrol web-1 again"] },
    },
    {
      when: "its record is lost and its image changed",
      after: { imageDigest: "sha256:9" },
      more: { lost: "installed" },
      effect: "reinstall",
    },
  ])("$effect when $when", ({ after, more, effect, plan }) => {
    const seen = planInstance(facts(after, more));
    expect(seen).toMatchObject({ effect, ...plan });
    const erasing = ["reinstall", "replace"].includes(effect);
    expect(seen.erases, "only a reinstall and a replacement erase").toEqual(
      erasing ? expect.objectContaining({ node: "n1", token: expect.any(String) }) : undefined,
    );
    expect(seen.mayErase).toBeUndefined();
  });

  it.for(erasingFields)("writes the disk again for a change of %s, and for its removal", (field) => {
    const value = field === "rootDeviceHints" ? { serial: "D-1" } : "sha256:9";
    const had = { ...system().fields, [field]: value };
    const given = planInstance(facts({ [field]: value }));
    expect(given).toMatchObject({ effect: "reinstall", changed: [field] });
    // A digest is computed: without one nothing is said.
    const without = planInstance(facts({ [field]: undefined }, { system: system({ fields: had }) }));
    expect(without.effect).toBe(field.endsWith("Digest") ? "none" : "reinstall");
  });

  it("compares with what is installed, not with what was declared since", () => {
    const declared = spec({ imageDigest: "sha256:9", rootDeviceHints: { serial: "D-1" } });
    const wanted = { imageDigest: "sha256:9", rootDeviceHints: { serial: "D-1" } };
    expect(planInstance(facts(wanted, { before: declared }))).toMatchObject({
      effect: "reinstall",
      changed: ["imageDigest", "rootDeviceHints"],
    });
    expect(planInstance(facts({}, { before: declared })).effect).toBe("none");
  });

  it("tells how long it takes where it takes long, and nothing of it elsewhere", () => {
    const usual = { seconds: 33 };
    expect(planInstance(facts({ imageDigest: "sha256:9" }, usual)).seconds).toBe(33);
    expect(planInstance(facts({}, { ...nothing, ...usual })).seconds).toBe(33);
    expect(planInstance(facts({ power: "off" }, usual)).seconds).toBeUndefined();
  });

  it.for<{ when: string; after: object; mayErase?: true }>([
    { when: "node", after: { node: UNKNOWN }, mayErase: true },
    { when: "every candidate", after: { node: undefined, candidates: [UNKNOWN] }, mayErase: true },
    { when: "another candidate than its own", after: { node: undefined, candidates: ["n1", UNKNOWN] } },
    {
      when: "a candidate among others",
      after: { node: undefined, candidates: ["n2", UNKNOWN] },
      mayErase: true,
    },
    { when: "image", after: { image: UNKNOWN, imageDigest: UNKNOWN }, mayErase: true },
    { when: "digest of its image", after: { imageDigest: UNKNOWN }, mayErase: true },
    { when: "flavor", after: { flavor: UNKNOWN, flavorDigest: UNKNOWN }, mayErase: true },
    { when: "hint", after: { rootDeviceHints: { serial: UNKNOWN } }, mayErase: true },
    { when: "power", after: { power: UNKNOWN } },
    { when: "reboot trigger", after: { rebootTrigger: UNKNOWN } },
    { when: "card", after: { interfaces: [UNKNOWN] } },
  ])(
    "erases, moves and switches nothing for an unknown $when, and says if it may: $mayErase",
    ({ after, mayErase }) => {
      const plan = planInstance(facts(after));
      expect(plan).toMatchObject({ replaces: [], actions: [] });
      expect(["none", "in-place"]).toContain(plan.effect);
      expect([plan.erases, plan.mayErase]).toEqual([undefined, mayErase]);
    },
  );

  it("announces the erasure that is known beside a value that is not", () => {
    const plan = planInstance(facts({ imageDigest: "sha256:9", rootDeviceHints: { serial: UNKNOWN } }));
    expect(plan).toMatchObject({ effect: "reinstall", mayErase: true, erases: { node: "n1" } });
  });
});
