import { describe, expect, it } from "vitest";
import { insist } from "../../provider/drivers/power/conduct/insist.ts";
import { powerErrors } from "../../provider/drivers/power/errors.ts";
import { atItsPace, type Pace } from "../../provider/drivers/power/ipmi/pace.ts";
import { newContext } from "../../provider/kernel/context.ts";

const address = "bmc:623";
const failures = {
  refused: () =>
    powerErrors.make("POWER_DENIED", { address, user: "admin", reason: "the password is wrong" }),
  late: () => powerErrors.make("POWER_LATE", { address, reason: "-" }),
  busy: () => powerErrors.make("POWER_BUSY", { address, reason: "-" }),
  "without a session": () => powerErrors.make("POWER_NO_SESSION", { address, suite: 3 }),
  silent: () => powerErrors.make("POWER_UNREACHABLE", { address, reason: "-" }),
} as const;
type Ending = keyof typeof failures | "done";

/** A controller whose commands take so long, and end so. */
function world(kept = new Map<string, string>()) {
  let now = 0;
  const ctx = newContext({ clock: { now: () => now, sleep: async () => {} } });
  const memory = {
    get: async (key: string) => kept.get(key),
    set: async (key: string, value: string | undefined) =>
      void (value === undefined ? kept.delete(key) : kept.set(key, value)),
  };
  const paces: Pace[] = [];
  const run = (seconds: number, ending: Ending) =>
    atItsPace(ctx, memory, address, async (pace) => {
      paces.push(pace);
      now += seconds * 1_000;
      if (ending !== "done") throw failures[ending]();
    });
  return { run, paces, kept };
}

describe("the pace of a controller", () => {
  it("is quick until an answer came late, then patient until answers are soon again", async () => {
    const { run, paces, kept } = world();
    await run(1, "done");
    await expect(run(9, "late")).rejects.toMatchObject({ code: "POWER_LATE", retry: true });
    await run(20, "done");
    await run(3, "done");
    await run(1, "done");
    expect(paces).toEqual(["quick", "quick", "patient", "patient", "quick"]);
    expect(kept.size).toBe(0);
  });

  it.for([
    { when: "at once", seconds: 1, believed: true },
    { when: "after an answer may have been late", seconds: 2, believed: false },
  ])("believes a refusal $when: $believed", async ({ seconds, believed }) => {
    const { run } = world();
    const code = believed ? "POWER_DENIED" : "POWER_LATE";
    await expect(run(seconds, "refused")).rejects.toMatchObject({ code });
  });

  it("believes a refusal of a controller that it waits for", async () => {
    const { run, paces } = world();
    await expect(run(9, "refused")).rejects.toMatchObject({ code: "POWER_LATE" });
    await expect(run(9, "refused")).rejects.toMatchObject({ code: "POWER_DENIED" });
    expect(paces).toEqual(["quick", "patient"]);
  });

  it("stays quick for one that says nothing at all", async () => {
    const { run, paces } = world();
    for (const _ of [1, 2])
      await expect(run(10, "silent")).rejects.toMatchObject({ code: "POWER_UNREACHABLE" });
    expect(paces).toEqual(["quick", "quick"]);
  });
});

describe("how often a controller is asked", () => {
  it.for([
    { ending: "silent", times: 3 },
    { ending: "late", times: 6 },
    { ending: "busy", times: 6 },
    { ending: "without a session", times: 6 },
    { ending: "refused", times: 1 },
  ] as const)("is $times times when it is $ending", async ({ ending, times }) => {
    let asked = 0;
    const ctx = newContext({ clock: { now: () => 0, sleep: async () => {} } });
    const ask = insist({ tries: 3, backoff: "2 seconds" }, ctx, async () => {
      asked += 1;
      throw failures[ending]();
    });
    await expect(ask).rejects.toThrow();
    expect(asked).toBe(times);
  });
});
