import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { LimitReached, limited, newContext, until, within } from "../../provider/kernel/context.ts";
import { defineErrors } from "../../provider/kernel/errors.ts";
import { run, serve } from "../../provider/kernel/process.ts";

/** A signal that counts who listens to it. */
function counted() {
  const controller = new AbortController();
  const { signal } = controller;
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners -= 1;
    remove(...args);
  };
  return { controller, signal, listeners: () => listeners };
}
/** Counts the timers that were set and not cleared; a fired one that is cleared too is no harm. */
function countedTimers() {
  const set = vi.spyOn(globalThis, "setTimeout");
  const clear = vi.spyOn(globalThis, "clearTimeout");
  return () => {
    const cleared = clear.mock.calls.map(([timer]) => timer);
    return [set.mock.results.length, set.mock.results.filter(({ value }) => !cleared.includes(value)).length];
  };
}
const gone = (pid: number) => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

describe("a limit", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });
  it.for([
    { how: "an answer", body: async () => 1 },
    {
      how: "an error",
      body: async () => {
        throw new Error("x");
      },
    },
  ])("leaves neither timer nor listener behind after $how", async ({ body }) => {
    const { signal, listeners } = counted();
    const timers = countedTimers();
    await within(newContext({ signal }), "1 hour", body).catch(() => {});
    await limited(newContext({ signal }), "1 hour", "it", body).catch(() => {});
    expect([...timers(), listeners()]).toEqual([2, 0, 0]);
  });

  it("ends its body, and is told in words by `limited` only", async () => {
    const { signal, listeners } = counted();
    const ctx = newContext({ signal });
    const timers = countedTimers();
    const wait = () => within(ctx, "20 ms", (inner) => until(inner, "1 hour", async () => false));
    await expect(wait()).rejects.toBeInstanceOf(LimitReached);
    const worded = limited(ctx, "20 ms", "the moon", (inner) => until(inner, "1 hour", async () => false));
    await expect(worded).rejects.toMatchObject({
      code: "LIMIT_REACHED",
      message: expect.stringContaining("the moon was not done within 20 ms"),
    });
    expect([...timers(), listeners()]).toEqual([2, 0, 0]);
  });

  it("is told from a cancel, whose reason goes before all words", async () => {
    const { controller, signal, listeners } = counted();
    const reason = new Error("cancelled");
    const waiting = limited(newContext({ signal }), "1 hour", "it", async (inner) => {
      await until(inner, "1 hour", async () => false).catch(() => {
        throw new Error("other words");
      });
    });
    setTimeout(() => controller.abort(reason), 10);
    await expect(waiting).rejects.toBe(reason);
    expect(listeners()).toBe(0);
    await expect(within(newContext({ signal }), "1 hour", async () => 1)).rejects.toBe(reason);
  });

  it("lets the words that its body finds for it stand", async () => {
    const words = defineErrors({ MINE: { text: "mine", remedy: "R.", fault: "host" } });
    const waiting = limited(newContext(), "10 ms", "it", async (inner) => {
      await until(inner, "1 hour", async () => false).catch(() => {
        throw words.make("MINE", {});
      });
    });
    await expect(waiting).rejects.toMatchObject({ code: "MINE" });
  });

  it("of the inner one is not taken for the outer one's", async () => {
    const answer = await within(newContext(), "1 hour", async (outer) => {
      const inner = within(outer, "10 ms", (deep) => until(deep, "1 hour", async () => false));
      await expect(inner).rejects.toBeInstanceOf(LimitReached);
      return outer.signal.aborted;
    });
    expect(answer).toBe(false);
  });

  it("longer than a timer can be does not fire at once", async () => {
    expect(await within(newContext(), "10000 hours", (inner) => pause(20, "still here", inner))).toBe(
      "still here",
    );
  });
});

describe("until", () => {
  it("asks until there is an answer, by the context's clock", async () => {
    const sleep = vi.fn(async () => {});
    const ctx = newContext({ clock: { now: () => 0, sleep } });
    const answers = [undefined, false, 0] as const;
    let asked = 0;
    expect(await until(ctx, "5 seconds", async () => answers[asked++])).toBe(0);
    expect(sleep.mock.calls.map(([ms]: readonly unknown[]) => ms)).toEqual([5_000, 5_000]);
  });
  it("asks nothing of a context that has ended, and passes on what goes wrong", async () => {
    const ask = vi.fn(async () => true);
    await expect(
      until(newContext({ signal: AbortSignal.abort(new Error("over")) }), "1 ms", ask),
    ).rejects.toThrow("over");
    expect(ask).not.toHaveBeenCalled();
    await expect(until(newContext(), "1 ms", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  });
});

describe("a program", () => {
  it("answers its code, both outputs, and its lines as they come", async () => {
    const lines: string[] = [];
    const script = 'read x; echo "out $x $WORD"; printf "a\\rb\\r\\nc"; echo err >&2; exit 3';
    const finished = await run(newContext(), "sh", ["-c", script], {
      input: "in\n",
      env: { WORD: "w" },
      onLine: (line) => lines.push(line),
    });
    expect(finished).toEqual({ code: 3, stdout: "out in w\na\rb\r\nc", stderr: "err\n" });
    expect(lines).toEqual(["out in w", "a", "b", "c"]);
  });
  it("that is not there is PROGRAM_MISSING", async () => {
    const error = await run(newContext(), "no-such-program-here", []).catch((e) => e);
    expect(error).toMatchObject({ code: "PROGRAM_MISSING" });
    expect(error.message).toContain("no-such-program-here");
  });
  it("ends with the context, also when it will not", async () => {
    const controller = new AbortController();
    const ctx = newContext({ signal: controller.signal });
    let pid = 0;
    const running = run(ctx, "sh", ["-c", 'trap "" TERM; echo $$; while :; do sleep 0.1; done'], {
      onLine: (line) => {
        pid = Number(line);
        controller.abort(new Error("enough"));
      },
    });
    await expect(running).rejects.toThrow("enough");
    expect(pid).toBeGreaterThan(0);
    expect(gone(pid)).toBe(true);
    await expect(run(ctx, "true", [])).rejects.toThrow("enough");
  });
  it("ends at its limit", async () => {
    const slow = limited(newContext(), "50 ms", "the nap", (ctx) => run(ctx, "sleep", ["60"]));
    await expect(slow).rejects.toMatchObject({ code: "LIMIT_REACHED" });
  });
  it("that serves ends when it is stopped, and says when it ends by itself", async () => {
    const lines: string[] = [];
    const service = serve("sh", ["-c", "echo up; exec sleep 60"], { onLine: (line) => lines.push(line) });
    await vi.waitFor(() => expect(lines).toEqual(["up"]));
    expect(gone(service.pid)).toBe(false);
    await service.stop();
    expect(gone(service.pid)).toBe(true);
    expect((await serve("sh", ["-c", "exit 5"]).ended).code).toBe(5);
    expect((await serve("no-such-program-here", []).ended).code).toBe(127);
  });
});
