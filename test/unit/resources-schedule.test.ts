import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Arch } from "../../provider/kernel/arch.ts";
import { type Candidate, type Request, schedule } from "../../provider/resources/schedule.ts";
import {
  next,
  provisionStates,
  after as stateAfter,
  toMermaid,
  transitions,
} from "../../provider/resources/states.ts";

const spec: Candidate["spec"] = {
  arch: "x86_64",
  bootMode: "bios",
  cpus: 8,
  memory: "32 GiB",
  disk: "480 GB",
  capabilities: { rack: "r1" },
  maintenance: false,
  abandon: false,
};
const node = (
  name: string,
  more: Partial<Candidate> = {},
  fields: Partial<Candidate["spec"]> = {},
): Candidate => ({
  name,
  provisionState: "available",
  interfaces: 1,
  ...more,
  spec: { ...spec, ...fields },
});
const request: Request = {
  instance: "web-1",
  pinned: false,
  flavor: { cpus: 8, memory: "32 GiB", rootDisk: "40 GiB", swap: "4 GiB", capabilities: { rack: "<in> r1" } },
};

describe("the scheduler", () => {
  it.for([
    { why: "another instance holds it", more: { claimedBy: "db-1" }, reason: "instance db-1 holds it" },
    { why: "it is in maintenance", fields: { maintenance: true }, reason: "it is in maintenance" },
    {
      why: "it is not offered",
      more: { provisionState: "manageable" as const },
      reason: "found switched on",
    },
    {
      why: "it was set aside",
      more: { provisionState: "deploy failed" as const, lastError: "no disk" },
      reason: "it was set aside: no disk",
    },
    {
      why: "its cleaning failed",
      more: { provisionState: "clean failed" as const, lastError: "" },
      reason: "it was set aside: its cleaning failed",
    },
    {
      why: "it cannot be cleaned of what another owner left",
      more: { unclean: "which disk is not known" },
      reason: "which disk is not known",
    },
    { why: "it is busy", more: { provisionState: "deleting" as const }, reason: "it is deleting" },
    { why: "it has no card", more: { interfaces: 0 }, reason: "it has no Interface to boot from" },
    { why: "it has too few CPUs", fields: { cpus: 4 }, reason: "it has 4 CPUs, asked are 8" },
    {
      why: "it has too little memory",
      fields: { memory: "32 GB" as const },
      reason: "it has 32 GB of memory, asked is 32 GiB",
    },
    {
      why: "its disk is too small",
      fields: { disk: "44 GiB" as const, memory: "64 GiB" as const },
      reason: undefined,
    },
    { why: "swap no longer fits", fields: { disk: "43 GiB" as const }, reason: "its disk has 43 GiB" },
    { why: "it boots by UEFI", fields: { bootMode: "uefi" as const }, reason: undefined },
    { why: "a capability is missing", fields: { capabilities: {} }, reason: "rack is not told" },
  ])("says whether a node is taken when $why", ({ more, fields, reason }) => {
    const { chosen, rejected } = schedule([node("n1", more, fields)], request);
    expect(chosen).toBe(reason === undefined ? "n1" : undefined);
    if (reason !== undefined) expect(rejected["n1"]).toContain(reason);
  });

  it("keeps a classic ramdisk, which needs pxelinux's words, from a server that boots by UEFI", () => {
    const files = { kernel: "/k", ramdisk: "/r", acceptFirstDisk: true };
    const flavor = {
      ...request.flavor,
      deployRamdisk: { ...files, arch: "x86_64" as const, protocol: "nova" as const },
    };
    const nodes = [node("n1", {}, { bootMode: "uefi" }), node("n2")];
    const { chosen, rejected } = schedule(nodes, { ...request, flavor });
    expect(chosen).toBe("n2");
    expect(rejected["n1"]).toContain("classic ramdisk");
  });

  const files = { kernel: "/k", ramdisk: "/r", acceptFirstDisk: true };
  const classic = (arch: Arch) => ({ ...files, arch, protocol: "nova" as const });
  it.for<[Arch, Arch | undefined, ReturnType<typeof classic> | undefined, RegExp | undefined]>([
    ["x86_64", "x86_64", undefined, undefined],
    ["x86_64", "i386", undefined, undefined],
    ["x86_64", "aarch64", undefined, /it is x86_64, the image is for aarch64/],
    ["aarch64", "x86_64", undefined, /it is aarch64, the image is for x86_64/],
    ["aarch64", "aarch64", undefined, undefined],
    ["aarch64", undefined, undefined, undefined],
    ["aarch64", "aarch64", classic("x86_64"), /it is aarch64, the flavor's ramdisk is for x86_64/],
    ["i386", "i386", undefined, /it is i386, which only a classic ramdisk of the flavor's boots/],
    ["i386", "i386", classic("i386"), undefined],
    ["i386", "x86_64", classic("i386"), /it is i386, the image is for x86_64/],
    ["i386", "i386", classic("x86_64"), /it is i386, the flavor's ramdisk is for x86_64/],
  ])("of %s, with an image for %s and the ramdisk %o: %s", ([arch, image, deployRamdisk, reason]) => {
    const flavor = { ...request.flavor, ...(deployRamdisk ? { deployRamdisk } : {}) };
    const asked = { ...request, flavor, ...(image ? { arch: image } : {}) };
    const { chosen, rejected } = schedule([node("n1", {}, { arch })], asked);
    expect(chosen).toBe(reason === undefined ? "n1" : undefined);
    if (reason !== undefined) expect(rejected["n1"]).toMatch(reason);
  });

  it("offers the architecture as a capability without being told", () => {
    const flavor = { ...request.flavor, capabilities: { cpu_arch: "x86_64", arch: "s== x86_64" } };
    expect(schedule([node("n1")], { ...request, flavor }).chosen).toBe("n1");
  });

  it("takes the smallest server that suffices, then the first by name", () => {
    const nodes = [node("big", {}, { cpus: 64 }), node("b"), node("a"), node("roomy", {}, { disk: "4 TB" })];
    expect(schedule(nodes, request).chosen).toBe("a");
  });

  it("stays with the node that the instance already holds", () => {
    const nodes = [node("a"), node("mine", { claimedBy: "web-1", provisionState: "active" }, { cpus: 64 })];
    expect(schedule(nodes, request).chosen).toBe("mine");
  });

  it("lets a pinned node try again where it failed", () => {
    const failed = node("n1", { provisionState: "deploy failed" });
    expect(schedule([failed], { ...request, pinned: true }).chosen).toBe("n1");
  });

  it("chooses the same in whatever order the nodes come, and accounts for each", () => {
    const names = ["a", "b", "c", "d", "e"];
    const nodes = fc.tuple(
      ...names.map((name) =>
        fc
          .record({ cpus: fc.constantFrom(4, 8, 16), state: fc.constantFrom(...provisionStates) })
          .map(({ cpus, state }) => node(name, { provisionState: state }, { cpus })),
      ),
    );
    const shuffled = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 });
    fc.assert(
      fc.property(nodes, shuffled, (given, order) => {
        const first = schedule(given, request);
        const again = schedule(
          order.flatMap((index) => given[index] ?? []),
          request,
        );
        expect(again.chosen).toBe(first.chosen);
        const fitting = given.filter(({ name }) => !(name in first.rejected)).map(({ name }) => name);
        expect(fitting.length === 0).toBe(first.chosen === undefined);
        if (first.chosen !== undefined) expect(fitting).toContain(first.chosen);
      }),
    );
  });
});

describe("the states", () => {
  it("lead only to states that are in the table", () => {
    for (const events of Object.values(transitions))
      for (const to of Object.values(events)) expect(provisionStates).toContain(to);
  });
  it("can each be reached from enroll, and none is a dead end", () => {
    const reached = new Set<string>(["enroll"]);
    for (const state of reached)
      for (const to of Object.values(transitions[state as keyof typeof transitions])) reached.add(to);
    expect([...reached].sort()).toEqual([...provisionStates].sort());
    for (const events of Object.values(transitions)) expect(Object.keys(events)).not.toEqual([]);
  });
  it("answer with undefined where there is no arrow", () => {
    expect(next("available", "deploy")).toBe("deploying");
    expect(stateAfter("available", "deploy")).toBe("deploying");
    expect(stateAfter("available", "delete")).toBeUndefined();
  });
  it("are all drawn", () => {
    for (const state of provisionStates) expect(toMermaid()).toContain(state.replace(/[ -]/g, "_"));
  });
});
