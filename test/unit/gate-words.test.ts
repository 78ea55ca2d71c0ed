import { describe, expect, it } from "vitest";
import { describeErasure, describePlan } from "../../provider/resources/gate.ts";
import { type Erasure, type InstanceFacts, planInstance } from "../../provider/resources/plan.ts";
import { UNKNOWN } from "../../provider/resources/unknown.ts";
import { facts, server, system } from "../fixtures/instance-facts.ts";

const GiB = 2 ** 30;
const newImage = { imageDigest: "sha256:9" };
const first: Partial<InstanceFacts> = { before: undefined, system: undefined, server: undefined };

describe("what is said of an erasure", () => {
  const erasure: Erasure = {
    ...{ ...server, disk: "ata-X_1, 0x5000c500a1b2c3d4", size: 480 * GiB, holds: "the system of debian-12" },
    token: "erase-000000000000",
  };
  it.for<{ knows: string; more: Partial<Erasure>; says: string }>([
    {
      knows: "all",
      more: {},
      says: "disk ata-X_1, 0x5000c500a1b2c3d4 (480 GiB) of node n1 (controller 10.0.0.1:623, serial SN-1, last verified 2026-11-02 10:20 UTC), which holds the system of debian-12",
    },
    { knows: "no serial", more: { serial: "" }, says: "serial unknown, last verified" },
    { knows: "a controller that never told", more: { verified: "" }, says: "serial SN-1, never verified" },
    {
      knows: "no disk",
      more: { disk: "", size: 0 },
      says: "the disk, unknown until the ramdisk looks, of node n1",
    },
    { knows: "no size", more: { size: 0 }, says: "disk ata-X_1, 0x5000c500a1b2c3d4 of node n1" },
  ])("names server and disk when it knows $knows", ({ more, says }) => {
    expect(describeErasure({ ...erasure, ...more })).toContain(says);
  });

  it("names the server where it stands when nothing is known of it", () => {
    const plan = planInstance(facts(newImage, { server: undefined }));
    expect(plan.erases && describeErasure(plan.erases)).toContain("of node n1 (");
  });
});

describe("what a preview says", () => {
  const saysOf = (after: object, more: Partial<InstanceFacts> = {}) =>
    describePlan(planInstance(facts(after, more)));
  const choice = { chosen: "n2", rejected: { n1: "it is active", n3: "it is deleting" } };
  it("is nothing where nothing is done to a server", () => {
    expect(saysOf({})).toEqual([]);
    expect(saysOf({ onDelete: "keep" })).toEqual([]);
  });
  it.for<{ effect: string; after: object; more?: Partial<InstanceFacts>; lines: (string | RegExp)[] }>([
    {
      effect: "a first install",
      after: {},
      more: { ...first, choice, seconds: 33.4 },
      lines: [
        /power n2 off.*write i to the disk.*about 33 s/,
        "not chosen: n1: it is active; n3: it is deleting",
      ],
    },
    {
      effect: "a reinstall",
      after: newImage,
      lines: [/power n1 off.*write i/, /^erases disk .* of node n1/],
    },
    {
      effect: "a replacement",
      after: { node: "n2" },
      more: { choice },
      lines: [/release n1.*power n2 off/, /^erases disk .* of node n1/],
    },
    {
      effect: "a power-off",
      after: { power: "off", hardReboot: true },
      lines: [/ask n1 to shut down, then cut its power/],
    },
    { effect: "a reboot", after: { rebootTrigger: "1" }, lines: [/ask n1 to shut down.*power n1 on/] },
    {
      effect: "an adoption",
      after: { adopt: true },
      more: first,
      lines: [/recognise n1.*without a power action/],
    },
    {
      effect: "an interrupted reinstall",
      after: {},
      more: { system: system({ whole: false }) },
      lines: [/boot n1 from its disk/],
    },
    { effect: "an enrolment", after: {}, more: { lost: "installed" }, lines: [/enrol web-1 on n1 again$/] },
    {
      effect: "an enrolment of what may never have been installed",
      after: {},
      more: { lost: "unsaid" },
      lines: [/enrol web-1 on n1 again, or install it if that never ended/],
    },
    {
      effect: "what only the update knows",
      after: { imageDigest: UNKNOWN },
      lines: [/^may erase: .*known only at the update/],
    },
  ])("of $effect is what is done, what is lost and what is not known yet", ({ after, more, lines }) => {
    const said = saysOf(after, more);
    expect(said).toHaveLength(lines.length);
    for (const [index, line] of lines.entries()) {
      if (typeof line === "string") expect(said[index]).toBe(line);
      else expect(said[index]).toMatch(line);
    }
  });
});
