import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { array, assert, asyncProperty, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { quoted, readTold, scriptOf } from "../../provider/services/ssh/script.ts";

const mark = "MARK";
const execute = promisify(execFile);

/** As the far end does it: a shell, the script on its stdin, which stays open, or until something was said. */
async function runIn(shell: readonly string[], script: string, holds = true) {
  const [file = "", ...args] = shell;
  const going = execute(file, args, { encoding: "utf8" });
  going.child.stdin?.on("error", () => {});
  going.child.stdin?.write(script);
  if (!holds) going.child.stdout?.once("data", () => going.child.stdin?.end());
  const { stdout, stderr } = await going.catch((ended: { stdout: string; stderr: string }) => ended);
  return { stdout, ...readTold(stderr, mark) };
}

describe.for([["dash"], ["bash"], ["busybox", "sh"]])("in %s", (...shell) => {
  const shellWords = shell.flat();
  it("every word and every value arrives as it is", async () => {
    const word = string({ unit: "binary", maxLength: 12 }).filter((text) => !text.includes("\0"));
    await assert(
      asyncProperty(array(word, { maxLength: 4 }), word, async (words, secret) => {
        const print = 'for w in "$@" "$SECRET"; do printf "%s\\001" "$w"; done';
        const args = ["-c", print, "sh", ...words];
        const { stdout, code } = await runIn(
          shellWords,
          scriptOf({ file: "sh", args, env: { SECRET: secret } }, mark),
        );
        expect(code).toBe(0);
        expect(stdout).toBe([...words, secret].map((text) => `${Buffer.from(text)}\x01`).join(""));
      }),
      { numRuns: 15 },
    );
  });

  it("the program's code and words are its own, and its stdin is empty", async () => {
    const args = ["-c", "cat; echo out; echo err >&2; exit 3"];
    const told = await runIn(shellWords, scriptOf({ file: "sh", args, env: {} }, mark));
    expect(told).toEqual({ stdout: "out\n", stderr: "err\n", begun: true, missing: false, code: 3 });
  });

  it("a program that is not there is told", async () => {
    const told = await runIn(shellWords, scriptOf({ file: "no-such-tool", args: [], env: {} }, mark));
    expect(told).toMatchObject({ begun: true, missing: true, code: undefined });
  });

  it("the program ends when stdin does, with what it started", async () => {
    const args = ["-c", "sleep 300 & echo $!; wait"];
    const { code, stdout } = await runIn(shellWords, scriptOf({ file: "sh", args, env: {} }, mark), false);
    expect(code).toBeGreaterThan(128);
    expect(Number(stdout)).toBeGreaterThan(1);
    await expect.poll(() => alive(Number(stdout))).toBe(false);
  });
});

/** A zombie, whose parent may be slow, has no words any more. */
function alive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") !== "";
  } catch {
    return false;
  }
}

describe("what came back", () => {
  it.for([
    {
      when: "a login that failed",
      text: "Permission denied\n",
      is: { begun: false, stderr: "Permission denied\n" },
    },
    { when: "a connection that broke off", text: "MARK begun\nhalf", is: { begun: true, code: undefined } },
    {
      when: "words like ours",
      text: "MARK begun\nended 7\n\nMARK ended 0\n",
      is: { code: 0, stderr: "ended 7\n" },
    },
    {
      when: "words before",
      text: "banner\nMARK begun\nx\n\nMARK ended 1\nlater",
      is: { code: 1, stderr: "x\n" },
    },
  ])("of $when is read", ({ text, is }) => {
    expect(readTold(text, mark)).toMatchObject(is);
  });

  it("a word in quotes has none of its own left open", () => {
    expect(quoted("it's")).toBe("'it'\\''s'");
  });
});
