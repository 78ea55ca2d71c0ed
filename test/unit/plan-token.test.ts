import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resources } from "../../provider/resources/index.ts";
import { planDeclaration, planInstance } from "../../provider/resources/plan.ts";
import { facts, server, spec, system } from "../fixtures/instance-facts.ts";
import { specs } from "../fixtures/site-parts.ts";

describe("the token of an erasure", () => {
  const shape = /^erase-[0-9a-f]{12}$/;
  const text = fc.string({ minLength: 1, maxLength: 8 });
  const digest = text.map((word) => `sha256:9${word}`);
  /** All that it is a digest of. */
  const erasure = fc.record({
    ...{ node: text, serial: text, disk: text, id: text, imageDigest: digest, flavorDigest: digest },
    hint: fc.option(text, { nil: undefined }),
    candidates: fc.option(fc.array(text, { minLength: 1, maxLength: 3 }), { nil: undefined }),
  });
  type Of = typeof erasure extends fc.Arbitrary<infer T> ? T : never;
  const tokenOf = ({ node, serial, disk, id, imageDigest, flavorDigest, hint, candidates }: Of, more = {}) =>
    planInstance(
      facts(
        {
          ...{ node: undefined, imageDigest, flavorDigest, ...(candidates ? { candidates } : {}) },
          ...(hint === undefined ? {} : { rootDeviceHints: { serial: hint } }),
        },
        { system: system({ node, disk, id }), server: { ...server, node, serial }, ...more },
      ),
    ).erases?.token;

  it("is the same for the same facts, whatever else is known", () => {
    fc.assert(
      fc.property(erasure, (of) => {
        const token = tokenOf(of);
        expect(token).toMatch(shape);
        expect(tokenOf(structuredClone(of))).toBe(token);
        const looked = { ...server, node: of.node, serial: of.serial, verified: "2027-01-01T00:00:00.000Z" };
        expect(tokenOf(of, { seconds: 12, server: looked, before: spec({ locked: true }) })).toBe(token);
      }),
    );
  });

  it("is another one as soon as the server, its disk, its system or what is to come is another", () => {
    const keys = [
      "node",
      "serial",
      "disk",
      "id",
      "imageDigest",
      "flavorDigest",
      "hint",
      "candidates",
    ] as const;
    fc.assert(
      fc.property(erasure, erasure, fc.constantFrom(...keys), (of, other, key) => {
        fc.pre(JSON.stringify(of[key]) !== JSON.stringify(other[key]));
        expect(tokenOf({ ...of, [key]: other[key] })).not.toBe(tokenOf(of));
      }),
    );
  });

  it("tells a pinned node from another one", () => {
    const token = (node: string) => planInstance(facts({ node })).erases?.token;
    expect(token("n2")).not.toBe(token("n3"));
  });
});

describe("the plan of a declaration", () => {
  const { nodes, interfaces, flavors } = resources;
  const node = specs.node("10.0.0.1");
  const card = specs.card("n1", "52:54:00:00:00:01");
  it.for([
    { when: "is new", of: nodes, before: undefined, after: node, held: false, effect: "enrol" },
    { when: "is as it was", of: nodes, before: node, after: { ...node }, held: true, effect: "none" },
    {
      when: "has other CPUs",
      of: nodes,
      before: node,
      after: { ...node, cpus: 8 },
      held: true,
      effect: "in-place",
    },
    {
      when: "has another mode",
      of: nodes,
      before: node,
      after: { ...node, bootMode: "uefi" },
      held: false,
      effect: "in-place",
    },
    {
      when: "is held and has another mode",
      of: nodes,
      before: node,
      after: { ...node, bootMode: "uefi" },
      held: true,
      effect: "refused",
    },
    {
      when: "is another card",
      of: interfaces,
      before: card,
      after: { ...card, mac: "52:54:00:00:00:09" },
      held: false,
      effect: "in-place",
    },
    {
      when: "sits in another node",
      of: interfaces,
      before: card,
      after: { ...card, node: "n2" },
      held: false,
      effect: "replace",
      replaces: ["node"],
    },
    {
      when: "is held and sits in another node",
      of: interfaces,
      before: card,
      after: { ...card, node: "n2" },
      held: true,
      effect: "refused",
    },
    {
      when: "cuts disks otherwise",
      of: flavors,
      before: specs.flavor,
      after: { ...specs.flavor, rootDisk: "20 GiB" },
      held: false,
      effect: "in-place",
    },
  ] as const)("is $effect when it $when", ({ of, before, after, held, effect, ...row }) => {
    const plan = planDeclaration(of, before, after, held);
    expect(plan).toMatchObject({ effect, replaces: "replaces" in row ? row.replaces : [], actions: [] });
    expect(plan.erases).toBeUndefined();
  });
});
