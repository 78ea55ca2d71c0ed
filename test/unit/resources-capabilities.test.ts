import { describe, expect, it } from "vitest";
import { satisfies, unmet } from "../../provider/resources/capabilities.ts";

// What Nova answers (nova/scheduler/filters/extra_specs_ops.py at icehouse-eol), operator by operator.
const fits: readonly (readonly [asked: string, offered: string])[] = [
  ["1", "1"],
  ["", ""],
  ["two words", "two words"],
  ["= 123", "123"],
  ["= 123", "124"],
  ["== 123", "123.0"],
  ["!= 124", "123"],
  [">= 3", "3"],
  ["<= 10", "2"],
  ["s== 123", "123"],
  ["s!= 123", "12"],
  ["s>= 234", "234"],
  ["s> 1", "2"],
  ["s<= 1000", "1000"],
  ["s< 2", "12"],
  ["<in> 11", "12311321"],
  ["<or> 11 <or> 12", "12"],
  ["<or> 11", "11"],
  ["  = 2", "3"],
];
const doesNot: readonly (readonly [asked: string, offered: string | undefined])[] = [
  ["1", "3"],
  ["1", ""],
  ["= 234", "34"],
  ["== 1234", "123"],
  ["!= 123", "123"],
  [">= 30", "3"],
  ["<= 2", "10"],
  ["s== 1234", "123"],
  ["s!= 123", "123"],
  ["s>= 2", "1"],
  ["s> 2", "12"],
  ["s<= 1000", "2"],
  ["s< 12", "2"],
  ["<in> 11", "12310321"],
  ["<in> 11 <in>", "12310321"],
  ["<or> 11 <or> 12", "13"],
  ["=", "34"],
  ["s!=", "34"],
  ["<in>", "34"],
  ["= 5", "many"],
  ["!= 5", "many"],
  ["= 0", ""],
  ["1", undefined],
  ["!= 1", undefined],
  ["s!= 1", undefined],
  ["<or> 1", undefined],
];

describe("a capability", () => {
  it.for(fits)("asked as %j is satisfied by %j", ([asked, offered]) => {
    expect(satisfies(offered, asked)).toBe(true);
  });
  it.for(doesNot)("asked as %j is not satisfied by %j", ([asked, offered]) => {
    expect(satisfies(offered, asked)).toBe(false);
  });
});

describe("what a flavor asks", () => {
  it("is looked for with the scope capabilities, or without one", () => {
    expect(unmet({ "capabilities:rack": "r1", gpu: "2" }, { rack: "r1", gpu: "2" })).toEqual([]);
  });
  it("takes no part under another scope", () => {
    expect(unmet({ "hw:cpu_policy": "dedicated" }, {})).toEqual([]);
  });
  it("is told with what is offered instead", () => {
    expect(unmet({ rack: "<in> r1", gpu: "= 1" }, { rack: "r2" })).toEqual([
      "rack is r2, asked is <in> r1",
      "gpu is not told, asked is = 1",
    ]);
  });
});
