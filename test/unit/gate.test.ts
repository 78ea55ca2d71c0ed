import { describe, expect, it } from "vitest";
import { refusals } from "../../provider/resources/gate.ts";
import { type InstanceFacts, planInstance } from "../../provider/resources/plan.ts";
import { UNKNOWN } from "../../provider/resources/unknown.ts";
import { facts, spec, system } from "../fixtures/instance-facts.ts";

const GiB = 2 ** 30;
/** The codes by which this change is refused, or none. */
function codesOf(of: InstanceFacts, { protect = false, ephemeral = 0 } = {}): readonly string[] {
  return refusals(planInstance(of), of, protect, ephemeral).map(({ code }) => code);
}
const newImage = { imageDigest: "sha256:9" };
const first: Partial<InstanceFacts> = { before: undefined, system: undefined, server: undefined };

describe("what may erase an installed system", () => {
  const tokenOf = (after: object, more = {}) => planInstance(facts(after, more)).erases?.token ?? "";
  const token = tokenOf(newImage);

  it.for([
    { allow: undefined, opens: false },
    { allow: false, opens: false },
    { allow: true, opens: true },
    { allow: ["image"], opens: true },
    { allow: ["flavor"], opens: false },
    { allow: ["flavor", "image"], opens: true },
    { allow: [], opens: false },
    { allow: token, opens: true },
    { allow: "erase-000000000000", opens: false },
    { allow: tokenOf({ imageDigest: "sha256:8" }), opens: false },
    { allow: tokenOf(newImage, { system: system({ id: "d-2" }) }), opens: false },
  ])("allowReinstall $allow opens the change of the image: $opens", ({ allow, opens }) => {
    const of = facts({ ...newImage, allowReinstall: allow });
    expect(codesOf(of)).toEqual(opens ? [] : ["INSTANCE_WOULD_ERASE"]);
  });

  it.for<{ why: string; after: object; more?: Partial<InstanceFacts>; names: string[]; short: string[] }>([
    {
      why: "image and layout change",
      after: { ...newImage, flavorDigest: "sha256:8" },
      names: ["image", "flavor"],
      short: ["image"],
    },
    {
      why: "hints and image change",
      after: { ...newImage, rootDeviceHints: { serial: "D-2" } },
      names: ["image", "rootDeviceHints"],
      short: ["rootDeviceHints"],
    },
    { why: "it moves", after: { node: "n2" }, names: ["node"], short: ["candidates", "image"] },
    {
      why: "it moves with another image",
      after: { ...newImage, node: "n2" },
      names: ["node", "image"],
      short: ["node"],
    },
    {
      why: "its candidates leave its node out",
      after: { node: undefined, candidates: ["n2"] },
      names: ["candidates"],
      short: ["node"],
    },
    { why: "its node is unfit", after: {}, more: { unfit: "too small" }, names: ["flavor"], short: ["node"] },
    {
      why: "somebody installed another system",
      after: {},
      more: { system: system({ foreign: true }) },
      names: ["image"],
      short: ["flavor"],
    },
  ])("a list has to name every cause when $why: $names", ({ after, more, names, short }) => {
    const codes = (allowReinstall: readonly string[]) => codesOf(facts({ ...after, allowReinstall }, more));
    expect(codes(names)).toEqual([]);
    expect(codes(short)).toEqual(["INSTANCE_WOULD_ERASE"]);
  });

  it("opens a replacement that no field asks for to `true` and its token only", () => {
    const replacing = { replacing: true };
    const codes = (allowReinstall: unknown) => codesOf(facts({ allowReinstall }, replacing));
    expect(codes(["image", "flavor", "node", "candidates", "rootDeviceHints"])).toEqual([
      "INSTANCE_WOULD_ERASE",
    ]);
    expect(codes(tokenOf({}, replacing))).toEqual([]);
    expect(codes(true)).toEqual([]);
  });

  it.for<{ why: string; of: InstanceFacts }>([
    { why: "a first install", of: facts({}, first) },
    { why: "a first install that goes on", of: facts({}, { ...first, underWay: "n1" }) },
    { why: "a first install with `wipe`", of: facts({ wipe: true }, first) },
    { why: "an adoption", of: facts({ adopt: true }, first) },
    {
      why: "the adoption of another system",
      of: facts({ adopt: true }, { system: system({ foreign: true }) }),
    },
    { why: "a reboot", of: facts({ rebootTrigger: "1" }) },
    { why: "a reinstall that is given up", of: facts({}, { system: system({ whole: false }) }) },
    { why: "an enrolment", of: facts({}, { lost: "installed" }) },
    { why: "an unknown digest", of: facts({ imageDigest: UNKNOWN }) },
  ])("is not asked for $why", ({ of }) => {
    expect(codesOf(of)).toEqual([]);
  });

  it("says why, what is lost and the token", () => {
    const of = facts({ ...newImage, flavorDigest: "sha256:8" });
    const [error] = refusals(planInstance(of), of, false, 0);
    expect(error?.message).toMatch(
      /^the change of flavor, image reinstalls instance web-1: it erases disk wwn-/,
    );
    expect(error?.message).toContain(`allowReinstall: "${planInstance(of).erases?.token}"`);
    const moving = facts({}, { replacing: true });
    const [replaced] = refusals(planInstance(moving), moving, false, 0);
    expect(replaced?.message).toMatch(
      /^a replacement that the program or the command asks for replaces instance/,
    );
  });
});

describe("a lock, and Pulumi's protect", () => {
  it.for<{ why: string; of: (more: object) => InstanceFacts; would: string | undefined }>([
    {
      why: "a reinstall",
      of: (more) => facts({ ...newImage, allowReinstall: true, ...more }),
      would: "erase its disk",
    },
    {
      why: "a replacement",
      of: (more) => facts({ node: "n2", allowReinstall: true, ...more }),
      would: "replace it",
    },
    { why: "a power-off", of: (more) => facts({ power: "off", ...more }), would: "switch it off" },
    { why: "a reboot", of: (more) => facts({ rebootTrigger: "1", ...more }), would: "reboot it" },
    {
      why: "switching on what was found off",
      of: (more) => facts(more, { before: spec({ power: "off" }) }),
      would: undefined,
    },
    {
      why: "a reboot trigger of what is off and stays off",
      of: (more) => facts({ power: "off", rebootTrigger: "1", ...more }, { before: spec({ power: "off" }) }),
      would: undefined,
    },
    { why: "a record", of: (more) => facts({ onDelete: "keep", ...more }), would: undefined },
    { why: "a first install", of: (more) => facts(more, first), would: undefined },
    { why: "an adoption", of: (more) => facts({ adopt: true, ...more }, first), would: undefined },
    {
      why: "booting the earlier system again",
      of: (more) => facts(more, { system: system({ whole: false }) }),
      would: undefined,
    },
  ])("refuse for $why what would $would", ({ of, would }) => {
    const locked = of({ locked: true });
    const both = refusals(planInstance(locked), locked, true, 0);
    expect(both.map(({ code }) => code)).toEqual(would ? ["INSTANCE_LOCKED", "INSTANCE_PROTECTED"] : []);
    for (const error of both) expect(error.message).toContain(`this would ${would}`);
    expect(codesOf(of({}))).toEqual([]);
  });

  it("go before the question what may be erased", () => {
    expect(codesOf(facts({ ...newImage, locked: true }))).toEqual(["INSTANCE_LOCKED"]);
    expect(codesOf(facts(newImage), { protect: true })).toEqual(["INSTANCE_PROTECTED"]);
  });
});

describe("an ephemeral partition that is to be kept", () => {
  const of = (had: number, after: object = newImage) =>
    facts(
      { ...after, preserveEphemeral: true, allowReinstall: true },
      { system: system({ ephemeral: had }) },
    );
  it.for([
    { had: 10 * GiB, wanted: 10 * GiB, refused: undefined },
    { had: 10 * GiB, wanted: undefined, refused: undefined },
    { had: 10 * GiB, wanted: 20 * GiB, refused: "it has 10 GiB, the flavor asks for 20 GiB" },
    { had: 10 * GiB, wanted: 0, refused: "the flavor asks for" },
    { had: 0, wanted: 10 * GiB, refused: "the system that is installed has none" },
    { had: 0, wanted: 0, refused: "the system that is installed has none" },
  ])("of $had bytes, $wanted wanted: $refused", ({ had, wanted, refused }) => {
    const errors = refusals(planInstance(of(had)), of(had), false, wanted);
    expect(errors.map(({ code }) => code)).toEqual(refused ? ["INSTANCE_EPHEMERAL_LOST"] : []);
    if (refused) expect(errors[0]?.message).toContain(refused);
  });

  it("is asked for by a reinstall only", () => {
    expect(codesOf(of(0, {}))).toEqual([]);
    expect(codesOf(of(0, { power: "off" }))).toEqual([]);
    expect(codesOf(of(0, { node: "n2" }))).toEqual([]);
  });
});
