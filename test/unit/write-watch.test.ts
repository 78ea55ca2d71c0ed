import { describe, expect, it } from "vitest";
import { newMeter, Stalled, watched } from "../../provider/drivers/write/watch.ts";
import { newContext, type Progress } from "../../provider/kernel/context.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const hang = ({ signal }: { signal: AbortSignal }) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("killed"))));

describe("a watched piece of work", () => {
  it("ends when nothing moves for the limit", async () => {
    await expect(watched(newContext(), "50 ms", hang)).rejects.toBeInstanceOf(Stalled);
  });

  it("goes on for as long as something moves", async () => {
    const work = watched(newContext(), "600 ms", async ({ signal }, tick) => {
      for (let n = 0; n < 6; n++) {
        await pause(120);
        tick();
      }
      return signal.aborted;
    });
    expect(await work).toBe(false);
  });

  it("ends with its caller's reason", async () => {
    const cancel = new AbortController();
    const work = watched(newContext({ signal: cancel.signal }), "1 minute", hang);
    cancel.abort(new Error("enough"));
    await expect(work).rejects.toThrow("enough");
  });

  it("does not begin for a caller that has ended", async () => {
    const cancel = new AbortController();
    cancel.abort(new Error("too late"));
    await expect(watched(newContext({ signal: cancel.signal }), "1 minute", hang)).rejects.toThrow(
      "too late",
    );
  });
});

describe("the meter", () => {
  function newStage(total: number) {
    let now = 0;
    const seen: Progress[] = [];
    const clock = { now: () => now, sleep: async () => {} };
    const meter = newMeter(newContext({ clock, report: (p) => seen.push(p) }), "writing", total);
    const move = (ms: number, bytes: number) => {
      now += ms;
      meter.add(bytes);
    };
    return { seen, meter, move };
  }

  it("tells percent, rate and the seconds left", () => {
    const { seen, move } = newStage(1_000);
    move(1_000, 100);
    expect(seen).toEqual([
      { stage: "writing", percent: 0 },
      { stage: "writing", percent: 10, rate: 100, left: 9 },
    ]);
  });

  it("speaks at most four times a second, and at the end", () => {
    const { seen, move } = newStage(1_000);
    for (let n = 0; n < 100; n++) move(10, 10);
    expect(seen.length).toBeLessThanOrEqual(6);
    expect(seen.at(-1)).toMatchObject({ percent: 100, left: 0 });
  });

  it("forgets what was faster ten seconds ago", () => {
    const { seen, move } = newStage(10_000);
    move(1_000, 5_000);
    for (let n = 0; n < 15; n++) move(1_000, 10);
    expect(seen.at(-1)?.rate).toBeCloseTo(10);
  });

  it("is done where there is nothing to do", () => {
    const { seen, meter } = newStage(0);
    expect([meter.percent(), seen[0]?.percent]).toEqual([100, 100]);
  });
});
