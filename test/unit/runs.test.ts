import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import { countErase, createRuns, eraseLimit, refuseAfterFailures } from "../../provider/site/local/runs.ts";
import { createTurns } from "../../provider/site/local/turns.ts";

describe("the runs of a site", () => {
  it("remember a run by its id, and share nothing with one that has none", () => {
    const runs = createRuns();
    expect(runs.of("r1")).toBe(runs.of("r1"));
    expect(runs.of("r1")).not.toBe(runs.of("r2"));
    expect(runs.of(undefined)).not.toBe(runs.of(undefined));
  });

  it("forget the one that was not heard of for longest, never one that is at work", () => {
    const runs = createRuns(2);
    const [first, second] = [runs.of("r1"), runs.of("r2")];
    runs.of("r1");
    runs.of("r3");
    expect(runs.of("r1")).toBe(first);
    expect(runs.of("r2")).not.toBe(second);
  });
});

describe("the limit of erasures", () => {
  it.for([
    { maxErase: 0, of: 100, limit: 0 },
    { maxErase: 1, of: 0, limit: 1 },
    { maxErase: 3, of: 1, limit: 3 },
    { maxErase: "0%", of: 100, limit: 0 },
    { maxErase: "10%", of: 100, limit: 10 },
    { maxErase: "10%", of: 19, limit: 1 },
    { maxErase: "10%", of: 20, limit: 2 },
    { maxErase: "10%", of: 3, limit: 1 },
    { maxErase: "100%", of: 7, limit: 7 },
  ])("is $limit for $maxErase of $of instances", ({ maxErase, of, limit }) => {
    expect(eraseLimit({ maxErase }, of)).toBe(limit);
  });

  it("counts an instance once, in the order in which they came, and refuses the one too many", () => {
    const run = createRuns().of("r1");
    expect([countErase(run, "a", 2), countErase(run, "b", 2), countErase(run, "a", 2)]).toEqual([1, 2, 1]);
    expect(() => countErase(run, "c", 2)).toThrow(
      /c would be erase number 3 of this run.*allows 2.*ERASE_LIMIT/,
    );
    expect(() => countErase(run, "c", 2)).toThrow("erase number 3");
    expect(countErase(run, "b", 2)).toBe(2);
  });

  it("of nothing refuses the first", () => {
    expect(() => countErase(createRuns().of("r1"), "a", 0)).toThrow("ERASE_LIMIT");
  });
});

describe("failures in a row", () => {
  it("refuse the next server as soon as there are as many as the site bears", () => {
    const run = createRuns().of("r1");
    run.failures = 2;
    expect(() => refuseAfterFailures(run, "a", { maxFailures: 3 })).not.toThrow();
    run.failures = 3;
    expect(() => refuseAfterFailures(run, "a", { maxFailures: 3 })).toThrow(
      /^3 deployments failed in a row, so a was not begun.*SITE_TOO_MANY_FAILURES/,
    );
  });
});

/** Bodies that last until they are told to end, and who has begun. */
function bodies(most: number) {
  const turns = createTurns(most);
  const begun: string[] = [];
  const enders = new Map<string, (error?: Error) => void>();
  const said: Progress[] = [];
  const take = (name: string, signal = new AbortController().signal) => {
    const ctx = newContext({ signal, report: (progress) => said.push(progress) });
    return turns.take(ctx, `instances/${name}`, () => {
      begun.push(name);
      return new Promise<string>((resolve, reject) => {
        enders.set(name, (error) => (error ? reject(error) : resolve(name)));
      });
    });
  };
  const end = async (name: string, error?: Error) => {
    enders.get(name)?.(error);
    await turn();
  };
  return { take, end, begun, said, turns };
}

describe("turns", () => {
  it("are had by so many at once, by the others in the order in which they came", async () => {
    const { take, end, begun, said } = bodies(2);
    const all = ["a", "b", "c", "d"].map((name) => take(name));
    expect(begun).toEqual(["a", "b"]);
    expect(said.map(({ stage }) => stage)).toEqual(["waiting for its turn", "waiting for its turn"]);
    await end("b");
    expect(begun).toEqual(["a", "b", "c"]);
    await end("a");
    expect(begun).toEqual(["a", "b", "c", "d"]);
    await end("c");
    await end("d");
    expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
  });

  it("are handed over: whoever comes in that moment waits", async () => {
    const { take, end, begun } = bodies(1);
    const all = [take("a"), take("b")];
    const ending = end("a");
    all.push(take("late"));
    await ending;
    expect(begun).toEqual(["a", "b"]);
    await end("b");
    await end("late");
    await Promise.all(all);
  });

  it("are given to nobody while they are held, and then to those who waited", async () => {
    const { take, end, begun, said, turns } = bodies(2);
    const all = [take("a")];
    turns.hold(true);
    all.push(take("b"), take("c"));
    await end("a");
    expect([begun, turns.waiting(), turns.held()]).toEqual([["a"], ["instances/b", "instances/c"], true]);
    expect(said.at(-1)).toMatchObject({ note: "the helper is being drained" });
    turns.hold(false);
    await turn();
    expect([begun, turns.waiting(), turns.held()]).toEqual([["a", "b", "c"], [], false]);
    await end("b");
    await end("c");
    await Promise.all(all);
  });

  it("are given back by whoever fails", async () => {
    const { take, end, begun } = bodies(1);
    const failing = take("a");
    failing.catch(() => {});
    const next = take("b");
    await end("a", new Error("it broke"));
    await expect(failing).rejects.toThrow("it broke");
    expect(begun).toEqual(["a", "b"]);
    await end("b");
    await next;
  });

  it("are not kept for one that was aborted while it waited, wherever it stood", async () => {
    const { take, end, begun } = bodies(1);
    const [first, second] = [new AbortController(), new AbortController()];
    const all = [take("a"), take("b", first.signal), take("c", second.signal), take("d")];
    for (const one of all) one.catch(() => {});
    second.abort(new Error("c goes"));
    first.abort(new Error("b goes"));
    await expect(all[1]).rejects.toThrow("b goes");
    await expect(all[2]).rejects.toThrow("c goes");
    await end("a");
    expect(begun).toEqual(["a", "d"]);
    // An abort after its turn came is the body's to heed: nobody else loses a turn by it.
    const third = new AbortController();
    const waiting = take("e", third.signal);
    const last = take("f");
    await end("d");
    third.abort(new Error("too late"));
    await end("e");
    expect(await waiting).toBe("e");
    await end("f");
    expect(await last).toBe("f");
    expect(begun).toEqual(["a", "d", "e", "f"]);
  });

  it("are not taken at all by one that is aborted already", async () => {
    const { take, begun } = bodies(1);
    await expect(take("a", AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
    expect(begun).toEqual([]);
  });
});
