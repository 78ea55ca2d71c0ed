import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LimitReached, limited, newContext, until, within } from "../../provider/kernel/context.ts";
import { defineErrors, hasCode, MetalError, toRecord } from "../../provider/kernel/errors.ts";
import { writeAtomically } from "../../provider/kernel/files.ts";
import { lineLogger } from "../../provider/kernel/log.ts";
import { run, serve, startDetached } from "../../provider/kernel/process.ts";
import { showBytes, showSeconds, toBytes, toMs } from "../../provider/kernel/units.ts";

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

describe("units", () => {
  it("read what they show", () => {
    const factors = { ms: 1, second: 1e3, seconds: 1e3, minute: 6e4, minutes: 6e4, hour: 36e5, hours: 36e5 };
    for (const [unit, factor] of Object.entries(factors)) {
      fc.assert(fc.property(fc.nat(1e6), (count) => toMs(`${count} ${unit}`) === count * factor));
    }
  });
  it("of size know decimal from binary, and never round up", () => {
    expect(toBytes("480 GB")).toBe(480e9);
    expect(toBytes("64 GiB")).toBe(64 * 2 ** 30);
    expect(toBytes("0.5 KiB")).toBe(512);
    expect(toBytes("1.9 B")).toBe(1);
    fc.assert(fc.property(fc.nat(1e6), (n) => toBytes(`${n} MiB`) > toBytes(`${n} MB`) || n === 0));
  });
  it("of bytes show within a twentieth of the truth", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 49 }), (bytes) => {
        expect(Math.abs(toBytes(showBytes(bytes)) / bytes - 1)).toBeLessThan(0.05);
      }),
    );
  });
  it("of time are shown as a clock shows them", () => {
    fc.assert(
      fc.property(fc.nat(360_000), (seconds) => {
        const parts = showSeconds(seconds).split(":").map(Number);
        expect(parts.reduce((sum, part) => sum * 60 + part, 0)).toBe(seconds);
      }),
    );
    expect([showSeconds(31), showSeconds(3_661), showSeconds(-4)]).toEqual(["0:31", "1:01:01", "0:00"]);
  });
  it.for(["5", "5 days", "-1 seconds", " 5 seconds", "5  seconds", "1e3 ms", "", "NaN ms"])(
    "refuse %j",
    (text) => {
      expect(() => toMs(text)).toThrow(TypeError);
      expect(() => toBytes(text)).toThrow(TypeError);
    },
  );
});

describe("errors", () => {
  const room = defineErrors({
    BROKEN: { text: "{what} broke", remedy: "Mend {what}.", fault: "host", retry: true },
  });
  it("fill blanks in text and remedy, and take a value for a value", () => {
    const error = room.make("BROKEN", { what: "$& {what}" });
    expect(error.message).toBe("$& {what} broke. Mend $& {what}. [BROKEN]");
    expect(error).toMatchObject({ code: "BROKEN", retry: true, record: { fault: "host" } });
    expect(hasCode(new MetalError(JSON.parse(JSON.stringify(error.record))), "BROKEN")).toBe(true);
  });
  it("have a record even for what nobody foresaw", () => {
    expect(toRecord(new TypeError("oh."))).toMatchObject({ code: "UNFORESEEN", text: "oh", retry: false });
    expect(toRecord("oh")).toMatchObject({ text: "oh" });
  });
  it("are logged as lines that carry the fields of all loggers above", () => {
    const lines: string[] = [];
    lineLogger((line) => lines.push(line), { a: 1 })
      .with({ b: 2 })
      .warn("x", { c: 3 });
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "warn", text: "x", a: 1, b: 2, c: 3 });
  });
});

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

describe("files and detached programs", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "kernel-"));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it("a program that is started detached outlives the call, its words in the log", async () => {
    const log = join(folder, "log");
    const pid = await startDetached("sh", ["-c", "echo $WORD; echo err >&2; exec sleep 60"], {
      env: { WORD: "hello" },
      cwd: folder,
      log,
    });
    try {
      await vi.waitFor(async () => expect(await readFile(log, "utf8")).toBe("hello\nerr\n"));
      expect(gone(pid)).toBe(false);
      expect((await stat(log)).mode & 0o777).toBe(0o600);
      // A group of its own: a Ctrl-C in the terminal of `pulumi up` does not reach it.
      const fields = (await readFile(`/proc/${pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
      expect(Number(fields[2])).toBe(pid);
    } finally {
      process.kill(pid, "SIGKILL");
    }
    const missing = startDetached("/no/such/program", [], { cwd: folder, log });
    await expect(missing).rejects.toMatchObject({ code: "PROGRAM_MISSING" });
  });

  it("a file is written whole, with its mode and its folders, over an old one", async () => {
    const path = join(folder, "a/b/c");
    await writeAtomically(path, "one", 0o600);
    await writeAtomically(path, Buffer.from("two"), 0o600);
    expect(await readFile(path, "utf8")).toBe("two");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });
  it("a reader never sees half of a file that is written", async () => {
    const path = join(folder, "file");
    await writeAtomically(path, "0".repeat(1e6));
    let writing = true;
    const writer = (async () => {
      for (let n = 1; n < 10; n++) await writeAtomically(path, String(n).repeat(1e6));
      writing = false;
    })();
    while (writing) expect((await readFile(path, "utf8")).replaceAll(/(.)(?=\1)/g, "")).toHaveLength(1);
    await writer;
    expect(await readdir(folder)).toEqual(["file"]);
  });
  it("a write that fails leaves the old file and no draft", async () => {
    const path = join(folder, "dir");
    await writeAtomically(join(path, "child"), "x");
    await expect(writeAtomically(path, "y")).rejects.toThrow();
    expect(await readdir(folder)).toEqual(["dir"]);
    await writeFile(join(folder, "plain"), "");
    await expect(writeAtomically(join(folder, "plain", "x"), "y")).rejects.toThrow();
  });
});
