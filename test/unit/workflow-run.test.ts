import { describe, expect, it } from "vitest";
import { newContext, until } from "../../provider/kernel/context.ts";
import { defineErrors } from "../../provider/kernel/errors.ts";
import { type Outcome, runSteps, type Step, StepFailed } from "../../provider/workflows/run.ts";

const errors = defineErrors({
  BROKEN: { text: "the fan is broken", remedy: "Mend it.", fault: "node" },
});

/** A journal on paper, among the deeds of the steps, in the order of both. */
function diary() {
  const lines: string[] = [];
  const outcomes: Record<string, Outcome> = {};
  const journal = {
    begin: async (step: string) => void lines.push(`begin ${step}`),
    end: async (step: string, outcome: Outcome) => {
      lines.push(`${outcome.result} ${step}`);
      outcomes[step] = outcome;
    },
  };
  const step = (name: string, more: Partial<Step<string>> = {}): Step<string> => ({
    name,
    stage: `doing ${name}`,
    limit: () => "5 seconds",
    run: async () => void lines.push(`run ${name}`),
    ...more,
  });
  return { lines, outcomes, journal, step };
}

describe("a run of steps", () => {
  it("writes the intent down before each act and the result after it, in order", async () => {
    const { lines, journal, step } = diary();
    const stages: string[] = [];
    const ctx = newContext({ report: ({ stage }) => stages.push(stage) });
    const steps = [step("a"), step("b", { met: async () => true }), step("c", { met: async () => false })];
    await runSteps(ctx, "machine", steps, journal);
    expect(lines).toEqual([
      ...["begin a", "run a", "done a"],
      ...["begin b", "met b"],
      ...["begin c", "run c", "done c"],
    ]);
    expect(stages).toEqual(["doing a", "doing c"]);
  });

  it("gives each step its machine, and its limit may depend on it", async () => {
    const { journal, step } = diary();
    const seen: string[] = [];
    const look = step("look", {
      limit: (machine) => (machine === "m" ? "1 hour" : "0 ms"),
      met: async (_, machine) => seen.push(machine) === 0,
      run: async (_, machine) => void seen.push(machine),
    });
    await runSteps(newContext(), "m", [look], journal);
    expect(seen).toEqual(["m", "m"]);
  });

  it("keeps the seconds that each took, to a tenth", async () => {
    const { outcomes, journal, step } = diary();
    let now = 1_000;
    const clock = { now: () => now, sleep: async () => {} };
    const slow = step("slow", {
      run: async () => {
        now += 12_345;
      },
    });
    await runSteps(newContext({ clock }), "", [slow], journal);
    expect(outcomes["slow"]).toEqual({ result: "done", seconds: 12.3 });
  });

  it("stops at the first failure, and tells the step and the failure's own words", async () => {
    const { lines, outcomes, journal, step } = diary();
    const failing = step("b", {
      run: async () => {
        throw errors.make("BROKEN", {});
      },
    });
    const error = await runSteps(newContext(), "", [step("a"), failing, step("c")], journal).catch((e) => e);
    expect(error).toBeInstanceOf(StepFailed);
    expect(error).toMatchObject({ step: "b", failure: { code: "BROKEN" } });
    expect(error.message).toBe("b: the fan is broken. Mend it. [BROKEN]");
    expect(lines).toEqual(["begin a", "run a", "done a", "begin b", "failed b"]);
    expect(outcomes["b"]?.error).toContain("the fan is broken");
  });

  it("makes a failure of one that nobody foresaw, also of one while it looks whether it is met", async () => {
    const { journal, step } = diary();
    const odd = step("odd", {
      met: async () => {
        throw new TypeError("x is not a function");
      },
    });
    const error = await runSteps(newContext(), "", [odd], journal).catch((e) => e);
    expect(error.failure).toMatchObject({ code: "UNFORESEEN", message: expect.stringContaining("x is not") });
    expect(error.cause).toBeInstanceOf(TypeError);
  });

  it("takes a step over its limit for a failure, with what was being done in words", async () => {
    const { lines, journal, step } = diary();
    const endless = step("wait", {
      limit: () => "20 ms",
      run: async (ctx) => void (await until(ctx, "1 hour", async () => false)),
    });
    const error = await runSteps(newContext(), "", [endless], journal).catch((e) => e);
    expect(error.failure).toMatchObject({ code: "LIMIT_REACHED" });
    expect(error.message).toContain("doing wait was not done within 20 ms");
    expect(lines).toEqual(["begin wait", "failed wait"]);
  });

  it("that is cut off is no failure: it ends with the signal's reason, and says so in the journal", async () => {
    const { lines, journal, step } = diary();
    const controller = new AbortController();
    const reason = new Error("the helper ends");
    const long = step("long", {
      run: async (ctx) => {
        setTimeout(() => controller.abort(reason), 5);
        await until(ctx, "1 hour", async () => false);
      },
    });
    const running = runSteps(newContext({ signal: controller.signal }), "", [long, step("b")], journal);
    await expect(running).rejects.toBe(reason);
    expect(lines).toEqual(["begin long", "cut off long"]);
  });

  it("that is cut off between two steps begins no other", async () => {
    const { lines, journal, step } = diary();
    const controller = new AbortController();
    const last = step("a", { run: async () => controller.abort(new Error("over")) });
    const running = runSteps(newContext({ signal: controller.signal }), "", [last, step("b")], journal);
    await expect(running).rejects.toThrow("over");
    expect(lines).toEqual(["begin a", "done a"]);
  });

  it("does nothing whose intent could not be written down", async () => {
    const { lines, journal, step } = diary();
    const full = { ...journal, begin: () => Promise.reject(new Error("the disk is full")) };
    await expect(runSteps(newContext(), "", [step("a")], full)).rejects.toThrow("the disk is full");
    expect(lines).toEqual([]);
  });
});
