import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createFates, type Weather } from "../lab/faults/weather.ts";

const packets = Array.from({ length: 1_000 }, (_, n) => Buffer.from(`packet ${n}`));
const fatesOf = (weather: Weather, seed = 1, flow = 0) => {
  const fates = createFates(seed, flow, () => weather);
  return packets.map((packet) => fates(packet));
};
const lostOf = (weather: Weather, seed?: number, flow?: number) =>
  fatesOf(weather, seed, flow).flatMap((arrivals, n) => (arrivals.length === 0 ? [n] : []));

describe("the fates of packets", () => {
  it("are none without weather", () => {
    expect(fatesOf({})).toEqual(packets.map((packet) => [{ after: 0, packet }]));
  });

  it.for([
    { what: "lost", weather: { lose: 0.3 }, counts: (arrivals: number) => arrivals === 0 },
    { what: "doubled", weather: { duplicate: 0.3 }, counts: (arrivals: number) => arrivals === 2 },
  ])("are $what in about the share that was asked for", ({ weather, counts }) => {
    const hit = fatesOf(weather).filter(({ length }) => counts(length)).length;
    expect(hit).toBeGreaterThan(250);
    expect(hit).toBeLessThan(350);
  });

  it("are the same for the same seed and flow, and others for others", () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e3), (seed, flow) => {
        const weather = { lose: 0.2, duplicate: 0.2, corrupt: 0.2, reorder: 0.2, delay: "5 ms" } as const;
        const fates = fatesOf(weather, seed, flow);
        expect(fatesOf(weather, seed, flow)).toEqual(fates);
        expect(fatesOf(weather, seed, flow + 1)).not.toEqual(fates);
      }),
      { numRuns: 10 },
    );
  });

  it("lose the same packets whatever else happens to the others", () => {
    expect(lostOf({ lose: 0.2, duplicate: 0.5, corrupt: 1, delay: "1 second" })).toEqual(
      lostOf({ lose: 0.2 }),
    );
  });

  it("turn one bit, of a copy", () => {
    for (const [n, arrivals] of fatesOf({ corrupt: 1 }).entries()) {
      const [before = Buffer.alloc(0), after = Buffer.alloc(0)] = [packets[n], arrivals[0]?.packet];
      const turned = [...before].map((byte, at) => byte ^ (after[at] ?? 0)).filter((bits) => bits !== 0);
      expect(turned).toHaveLength(1);
      expect([1, 2, 4, 8, 16, 32, 64, 128]).toContain(turned[0]);
    }
  });

  it("begin late and end early where they are told to", () => {
    const lost = lostOf({ loseFirst: 2, cutAfter: 5 });
    expect(packets.map((_, n) => n).filter((n) => !lost.includes(n))).toEqual([2, 3, 4]);
  });
});
