import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { defineErrors, hasCode, MetalError, toRecord } from "../../provider/kernel/errors.ts";
import { writeAtomically } from "../../provider/kernel/files.ts";
import { lineLogger } from "../../provider/kernel/log.ts";
import { startDetached } from "../../provider/kernel/process.ts";
import { showBytes, showSeconds, toBytes, toMs } from "../../provider/kernel/units.ts";

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
