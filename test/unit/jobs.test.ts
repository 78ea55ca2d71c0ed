import { getEventListeners } from "node:events";
import { setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { newContext, type Progress, until } from "../../provider/kernel/context.ts";
import { createJobs } from "../../provider/site/local/jobs.ts";

const key = "instances/web-1";

/** A caller that can go away, and what it was told. */
function caller() {
  const controller = new AbortController();
  const heard: string[] = [];
  const ctx = newContext({ signal: controller.signal, report: ({ stage }) => heard.push(stage) });
  return { ctx, heard, leave: () => controller.abort(new Error("left")), signal: controller.signal };
}
/** Work that ends when it is told to. */
function work() {
  let finish: (state: object) => void = () => {};
  let fail: (error: Error) => void = () => {};
  let report: (progress: Progress) => void = () => {};
  let starts = 0;
  const body = async (ctx: ReturnType<typeof newContext>) => {
    starts += 1;
    report = ctx.report;
    return new Promise<object>((resolve, reject) => {
      finish = resolve;
      fail = reject;
      ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason), { once: true });
    }) as Promise<Record<string, unknown>>;
  };
  return {
    body,
    starts: () => starts,
    finish: (state: object) => finish(state),
    fail: (error: Error) => fail(error),
    say: (stage: string, more: Partial<Progress> = {}) => report({ stage, ...more }),
  };
}

describe("a job", () => {
  it("is begun once; who asks for the same attaches, hears the last word first, and gets the same answer", async () => {
    const jobs = createJobs(newContext());
    const [one, two, job] = [caller(), caller(), work()];
    const first = jobs.run(one.ctx, key, "d", job.body);
    await turn();
    job.say("writing");
    const second = jobs.run(two.ctx, key, "d", job.body);
    job.say("verifying");
    expect(jobs.running()).toEqual([key]);
    job.finish({ ok: 1 });
    expect([await first, await second]).toEqual([{ ok: 1 }, { ok: 1 }]);
    expect(job.starts()).toBe(1);
    expect([one.heard, two.heard]).toEqual([
      ["writing", "verifying"],
      ["writing", "verifying"],
    ]);
    expect(jobs.running()).toEqual([]);
  });

  it("tells who comes later what was worth keeping, and where it stands, to be kept as well", async () => {
    const [jobs, job] = [createJobs(newContext()), work()];
    const first = jobs.run(caller().ctx, key, "d", job.body);
    await turn();
    job.say("deploying", { note: "goes on", kept: true });
    job.say("wiping");
    job.say("writing", { percent: 40 });
    const heard: Progress[] = [];
    const second = jobs.run(newContext({ report: (one) => heard.push(one) }), key, "d", job.body);
    expect(heard).toEqual([
      { stage: "deploying", note: "goes on", kept: true },
      { stage: "writing", percent: 40, note: "under way already", kept: true },
    ]);
    job.finish({});
    await Promise.all([first, second]);
  });

  it("that has just begun tells who comes later its first line once", async () => {
    const [jobs, job, two] = [createJobs(newContext()), work(), caller()];
    const first = jobs.run(caller().ctx, key, "d", job.body);
    await turn();
    job.say("deploying", { kept: true });
    const second = jobs.run(two.ctx, key, "d", job.body);
    job.finish({});
    await Promise.all([first, second]);
    expect(two.heard).toEqual(["deploying"]);
  });

  it("goes on without the caller who left, and leaves no listener on them", async () => {
    const jobs = createJobs(newContext());
    const [one, two, job] = [caller(), caller(), work()];
    const first = jobs.run(one.ctx, key, "d", job.body);
    await turn();
    one.leave();
    await expect(first).rejects.toThrow("left");
    job.say("later");
    expect(one.heard).toEqual([]);
    expect(getEventListeners(one.signal, "abort")).toEqual([]);
    const second = jobs.run(two.ctx, key, "d", job.body);
    job.finish({ ok: 1 });
    expect(await second).toEqual({ ok: 1 });
    expect(getEventListeners(two.signal, "abort")).toEqual([]);
  });

  it("that runs with other inputs is busy, and may be asked again later", async () => {
    const jobs = createJobs(newContext());
    const [one, job] = [caller(), work()];
    const first = jobs.run(one.ctx, key, "d", job.body);
    await expect(jobs.run(caller().ctx, key, "other", job.body)).rejects.toMatchObject({
      code: "SITE_JOB_BUSY",
      retry: true,
    });
    await turn();
    job.finish({});
    await first;
    const next = jobs.run(caller().ctx, key, "other", async () => ({ next: true }));
    expect(await next).toEqual({ next: true });
  });

  it("that fails tells everybody who waits, and nobody is no crash", async () => {
    const jobs = createJobs(newContext());
    const [one, two, job] = [caller(), caller(), work()];
    const both = [jobs.run(one.ctx, key, "d", job.body), jobs.run(two.ctx, key, "d", job.body)];
    await turn();
    job.fail(new Error("broken"));
    for (const waiting of both) await expect(waiting).rejects.toThrow("broken");
    const lonely = work();
    const third = caller();
    const left = jobs.run(third.ctx, key, "d", lonely.body);
    await turn();
    third.leave();
    await expect(left).rejects.toThrow("left");
    lonely.fail(new Error("unheard"));
    await turn();
    expect(jobs.running()).toEqual([]);
  });

  it("may report, and end, before it has waited for anything", async () => {
    const jobs = createJobs(newContext());
    const one = caller();
    const done = jobs.run(one.ctx, key, "d", async (ctx) => {
      ctx.report({ stage: "at once" });
      return { ok: 1 };
    });
    expect(await done).toEqual({ ok: 1 });
    expect(one.heard).toEqual(["at once"]);
    const thrown = jobs.run(one.ctx, key, "d", () => {
      throw new Error("at once");
    });
    await expect(thrown).rejects.toThrow("at once");
    expect(jobs.running()).toEqual([]);
  });

  it("that is aborted has ended when that answers, with the reason", async () => {
    const jobs = createJobs(newContext());
    let cleaned = false;
    const running = jobs.run(caller().ctx, key, "d", async (ctx) => {
      try {
        await until(ctx, "1 hour", async () => false);
        return {};
      } finally {
        await turn();
        cleaned = true;
      }
    });
    running.catch(() => {});
    await turn();
    expect(await jobs.abort("instances/none", new Error("x"))).toBe(false);
    expect(await jobs.abort(key, new Error("aborted"))).toBe(true);
    expect(cleaned).toBe(true);
    expect(jobs.running()).toEqual([]);
    await expect(running).rejects.toThrow();
  });

  it("is cut off when the site stops, like all others", async () => {
    const jobs = createJobs(newContext());
    const reasons: unknown[] = [];
    const all = ["a", "b"].map((name) =>
      jobs.run(caller().ctx, `instances/${name}`, "d", async (ctx) => {
        try {
          await until(ctx, "1 hour", async () => false);
          return {};
        } catch (error) {
          reasons.push(ctx.signal.reason);
          throw error;
        }
      }),
    );
    for (const one of all) one.catch(() => {});
    await turn();
    const reason = new Error("the helper ends");
    await jobs.stop(reason);
    expect(reasons).toEqual([reason, reason]);
    expect(jobs.running()).toEqual([]);
  });
});

describe("watching a job", () => {
  it("begins with its last word, brings each of the next, and ends with it", async () => {
    const jobs = createJobs(newContext());
    const [one, two, job] = [caller(), caller(), work()];
    const running = jobs.run(one.ctx, key, "d", job.body);
    await turn();
    job.say("a");
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { stage } of jobs.watch(two.ctx, key)) seen.push(stage);
    })();
    await turn();
    job.say("b");
    await turn();
    job.say("c");
    job.finish({});
    await running;
    await watching;
    expect(seen).toEqual(["a", "b", "c"]);
    expect(getEventListeners(two.signal, "abort")).toEqual([]);
  });

  it("ends with who watches, with a job that fails, and at once without a job", async () => {
    const jobs = createJobs(newContext());
    for await (const _ of jobs.watch(caller().ctx, key)) throw new Error("there is no job");
    const [one, two, three, job] = [caller(), caller(), caller(), work()];
    const running = jobs.run(one.ctx, key, "d", job.body);
    await turn();
    const leaving = (async () => {
      for await (const _ of jobs.watch(two.ctx, key));
    })();
    const staying = (async () => {
      for await (const _ of jobs.watch(three.ctx, key));
    })();
    await turn();
    two.leave();
    await leaving;
    job.fail(new Error("broken"));
    await expect(running).rejects.toThrow("broken");
    await staying;
  });
});
