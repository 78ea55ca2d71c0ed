import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import type { Announcement } from "../../provider/services/callback/announcement.ts";
import { harmless, readLines } from "../../provider/services/console/lines.ts";
import { openRing } from "../../provider/services/console/ring.ts";
import { scrubOf } from "../../provider/services/console/scrub.ts";
import { createConsoles } from "../../provider/site/local/consoles.ts";
import { createRamdiskLog } from "../../provider/site/local/ramdisk-log.ts";

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "console-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** The lines of a text that arrives in these pieces. */
function linesOf(pieces: readonly string[], secrets: readonly string[] = []): readonly string[] {
  const lines: string[] = [];
  const reader = readLines(scrubOf(secrets), (line) => lines.push(line));
  for (const piece of pieces) reader.take(piece);
  reader.end();
  return lines;
}

describe("a serial line", () => {
  it.for([
    { says: "colours", text: "\x1b[1;31mred\x1b[0m alert\r\n", lines: ["red alert"] },
    { says: "a title for the terminal", text: "\x1b]0;owned\x07ok\n", lines: ["ok"] },
    {
      says: "a picture drawn by cursor moves",
      text: "\x1b[2J\x1b[1;1HBIOS\x1b[2;1HPXE",
      lines: ["BIOS", "PXE"],
    },
    { says: "a progress bar on one line", text: "1%\r2%\r3%\n", lines: ["1%", "2%", "3%"] },
    { says: "zero bytes and bells", text: "a\0b\x07c\n", lines: ["abc"] },
    { says: "letters that turn the order round", text: "a\u202egnp.exe\n", lines: ["agnp.exe"] },
    { says: "a prompt without an end", text: "login: ", lines: ["login:"] },
    { says: "tabs", text: "a\tb\n", lines: ["a  b"] },
  ])("that says $says is told in plain lines", ({ text, lines }) => {
    expect(linesOf([text])).toEqual(lines);
    expect(linesOf([...text])).toEqual(lines);
  });

  it("leaves nothing that steers a terminal, whatever it says", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(harmless(text)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
        expect(harmless(harmless(text))).toBe(harmless(text));
      }),
    );
  });

  it("shows no part of a secret, wherever it is cut, also in a line that has no end", () => {
    const secret = "0123456789abcdef0123456789abcdef";
    const text = fc.string({ maxLength: 3_000 }).map((some) => some.replaceAll("0", "o"));
    fc.assert(
      fc.property(text, text, fc.integer({ min: 1, max: 700 }), (before, after, size) => {
        const whole = `${before}${secret}${after}`.repeat(4);
        const pieces = whole.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
        const seen = linesOf(pieces, [secret]).join("");
        expect(seen).not.toContain(secret.slice(0, 8));
        expect(seen).not.toContain(secret.slice(-8));
      }),
      { numRuns: 60 },
    );
  });
});

describe("what is blotted out", () => {
  it.for([
    { what: "a password", secrets: ["s3cret"], text: "login s3cret ok", is: "login [secret] ok" },
    {
      what: "each line of user data",
      secrets: ["a: 1\npassword: hunter22\n"],
      text: "> password: hunter22",
      is: "> [secret]",
    },
    {
      what: "the key of any deployment",
      secrets: [],
      text: "ip=dhcp deployment_key=abc q",
      is: "ip=dhcp deployment_key=[secret] q",
    },
    { what: "the longer of two first", secrets: ["abcd", "abcdef"], text: "abcdef", is: "[secret]" },
    {
      what: "each once, also a word of our own",
      secrets: ["secret", "key.of(7)"],
      text: "key.of(7) key-of(7)",
      is: "[secret] key-of(7)",
    },
    { what: "not what would spoil any text", secrets: ["a", "\n-\n"], text: "a - b", is: "a - b" },
  ])("is $what", ({ secrets, text, is }) => {
    expect(scrubOf(secrets).text(text)).toBe(is);
  });
});

describe("a log", () => {
  const line = (text: string) => ({ at: "2026-11-27T10:00:00.000Z", from: "console", text }) as const;

  it("takes no more than its limit, drops whole lines, the oldest first, and goes on counting", async () => {
    const path = join(folder, "a.log");
    const ring = openRing(path, 10_000);
    for (let n = 1; n <= 1_000; n++) ring.add(line(`line ${n} ${"x".repeat(n % 50)}`));
    const sizes = await Promise.all([path, `${path}.old`].map(async (file) => (await stat(file)).size));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(5_000);
    const left = ring.read(10_000);
    expect(left.map(({ n }) => n)).toEqual(left.map((_, at) => 1_000 - left.length + 1 + at));
    expect(left.length).toBeGreaterThan(40);
    expect(ring.read(3).map(({ n }) => n)).toEqual([998, 999, 1_000]);
    expect(ring.read(10_000, 997)).toEqual(ring.read(3));
    expect(ring.read(0)).toEqual([]);
    expect(openRing(path).add(line("again")).n).toBe(1_001);
    expect((await stat(path)).mode & 0o077).toBe(0);
  });

  it("outlives half a line, as a power cut leaves it", async () => {
    const path = join(folder, "a.log");
    openRing(path).add(line("whole"));
    await writeFile(path, `${await readFile(path, "utf8")}{"n":2,"at":"2`);
    const ring = openRing(path);
    expect(ring.add(line("next")).n).toBe(2);
    expect(ring.read(9).map(({ text }) => text)).toEqual(["whole", "next"]);
  });

  it("is there for who follows it, from the last lines on to its end, and is gone when it is forgotten", async () => {
    const consoles = createConsoles(newContext(), folder);
    const console = consoles.open("instances/web-1", ["hunter22"]);
    console.say("helper", "one");
    console.say("helper", "one");
    console.hear("two hunt");
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const seen: string[] = [];
    const following = (async () => {
      const asked = { lines: 10, follow: true };
      for await (const { from, text } of consoles.read(newContext(), "instances/web-1", asked, ended))
        seen.push(`${from}: ${text}`);
    })();
    await new Promise((resolve) => setTimeout(resolve, 20));
    console.hear("er22\nthree\n");
    console.close();
    end();
    await following;
    expect(seen).toEqual(["helper: one", "console: two [secret]", "console: three"]);
    expect(console.last()).toEqual(["two [secret]", "three"]);
    const later = async () => {
      const texts: string[] = [];
      for await (const { text } of consoles.read(newContext(), "instances/web-1", { after: 1 }, undefined))
        texts.push(text);
      return texts;
    };
    expect(await later()).toEqual(["two [secret]", "three"]);
    consoles.forget("instances/web-1");
    expect(await later()).toEqual([]);
  });

  it("lets who follows it go at once", async () => {
    const cancel = new AbortController();
    const never = new Promise(() => {});
    const reading = createConsoles(newContext(), folder).read(
      newContext({ signal: cancel.signal }),
      "instances/web-1",
      { follow: true },
      never,
    );
    const next = reading[Symbol.asyncIterator]().next();
    cancel.abort();
    expect(await next).toMatchObject({ done: true });
  });
});

describe("the log of a ramdisk", () => {
  const call = (more: Partial<Announcement>) => more as Announcement;
  const machine = (bootId: string) => ({ machine: { bootId } }) as Partial<Announcement>;

  it("is told once, also what is sent again because an answer was lost, and anew in each boot", () => {
    const seen: string[] = [];
    const log = createRamdiskLog((line) => seen.push(line));
    const first = { ...machine("b1"), log: "a @1\nb @2", logFrom: 0 };
    log.take(call(first));
    log.take(call(first));
    log.take(call({ ...machine("b1"), log: "a @1\nb @2\nc @3", logFrom: 0 }));
    log.take(call({ ...machine("b1"), log: "d @4", logFrom: 15 }));
    log.take(call(machine("b1")));
    log.take(call({ ...machine("b2"), log: "a @1", logFrom: 0 }));
    expect(seen).toEqual(["a @1", "b @2", "c @3", "d @4", "a @1"]);
  });
});
