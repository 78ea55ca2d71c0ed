import { describe, expect, it } from "vitest";
import type { Clock, Progress } from "../../provider/kernel/context.ts";
import { createReporter } from "../../provider/pulumi/progress.ts";

/** A clock that stands until it is told; whoever sleeps is woken at the right moment. */
function standingClock() {
  let now = 1_000;
  const sleeping = new Set<{ readonly until: number; readonly wake: () => void }>();
  const clock: Clock = {
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((wake, reject) => {
        sleeping.add({ until: now + ms, wake });
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      }),
  };
  return {
    clock,
    async pass(ms: number): Promise<void> {
      now += ms;
      for (const one of sleeping) if (one.until <= now) one.wake();
      await Promise.resolve();
      await new Promise(setImmediate);
    },
  };
}

type Event = number | Progress | "over";
const at = (stage: string, more: Partial<Progress> = {}): Progress => ({ stage, ...more });

describe("progress in a log file", () => {
  const cases: readonly (readonly [string, readonly Event[], readonly string[]])[] = [
    [
      "has nothing of what is over within three seconds",
      [at("a"), 1_000, at("b"), 1_000, "over", 60_000],
      [],
    ],
    [
      "has a stage that was reached early and lasts, though it reports no more",
      [at("a"), 500, at("b"), 60_000],
      ["b"],
    ],
    ["has such a stage once, when it reports again", [at("a"), 3_000, at("a"), 1_000, at("a")], ["a"]],
    ["has each later stage", [at("a"), 4_000, at("b"), 10, at("c")], ["a", "b", "c"]],
    [
      "has the same stage every ten seconds",
      [at("a"), 3_000, 9_999, at("a", { percent: 7 }), 1, at("a", { percent: 8 })],
      ["a", "a 8 %"],
    ],
    ["has at once what is to be kept", [at("a", { kept: true }), 10, "over", 10_000], ["a"]],
  ];
  it.each(cases)("%s", async (_, events, lines) => {
    const { clock, pass } = standingClock();
    const [over, said] = [new AbortController(), [] as string[]];
    const say = (line: string) => void said.push(line);
    const report = createReporter({ say, clock, interactive: false, over: over.signal });
    for (const event of events) {
      if (typeof event === "number") await pass(event);
      else if (event === "over") over.abort();
      else report(event);
    }
    expect(said).toEqual(lines);
  });
});
