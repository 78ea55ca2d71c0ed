import { describe, expect, it } from "vitest";
import { checkInputs } from "../../provider/pulumi/check.ts";
import { type Hints, rejection } from "../../provider/resources/hints.ts";
import { resources } from "../../provider/resources/index.ts";
import { UNKNOWN } from "../../provider/resources/unknown.ts";
import { badHints, hintCases, rack } from "../fixtures/hints.ts";

const meeting = (hints: Hints) =>
  rack.filter((disk) => rejection(hints, disk) === "").map(({ name }) => name);

describe("root device hints", () => {
  it.for(hintCases)("$hints mean $meet", ({ hints, meet, because = {} }) => {
    expect(meeting(hints)).toEqual(meet);
    const reasons = Object.keys(because).map((name) => {
      const disk = rack.find((one) => one.name === name);
      return [name, disk && rejection(hints, disk)];
    });
    expect(Object.fromEntries(reasons)).toEqual(because);
  });

  it("that say nothing leave every disk that qualifies", () => {
    expect(meeting({ serial: undefined })).toEqual(
      rack.filter(({ unfit }) => unfit === "").map(({ name }) => name),
    );
  });
});

describe("a preview", () => {
  const instance = { name: "web-1", flavor: "f1", image: "d12" };
  const check = (rootDeviceHints: object) =>
    checkInputs(resources.instances, { ...instance, rootDeviceHints });

  it.for(badHints)("refuses the hint $hint", ({ hint: [key, value], reason }) => {
    expect(check({ [key]: value }).failures).toEqual([
      { property: `rootDeviceHints.${key}`, reason: expect.stringContaining(reason) },
    ]);
  });

  it.for(hintCases)("takes the hints $hints as they stand", ({ hints }) => {
    expect(check(hints)).toMatchObject({ failures: [], inputs: { rootDeviceHints: hints } });
  });

  it("tells all faults at once, each at its place", () => {
    const { failures } = check({ serial: "<ni> X", size: "big", by_path: "x", rotational: "yes" });
    expect(failures.map(({ property }) => property)).toEqual(
      ["serial", "size", "by_path", "rotational"].map((key) => `rootDeviceHints.${key}`).sort(),
    );
  });

  it("waits with a hint that only the update will know", () => {
    expect(check({ size: UNKNOWN, serial: "X" }).failures).toEqual([]);
  });
});
