import { describe, expect, it } from "vitest";
import { aptLine, searchPath } from "../../provider/cli/programs.ts";
import { closingLine, countRun, sum, type VitestReport } from "../../tools/setup/count.ts";
import { installWords, packagesOf } from "../../tools/setup/host.ts";
import { newTeller, seconds } from "../../tools/setup/say.ts";
import { projects, splitWords } from "../../tools/setup/tests.ts";

describe("system packages", () => {
  const need = (name: string, bringer: string) => ({ name, package: bringer, purpose: "a test" });

  it("are named once each and in order", () => {
    const needs = [need("mkswap", "util-linux"), need("setpriv", "util-linux"), need("cpio", "cpio")];
    expect(packagesOf(needs)).toEqual(["cpio", "util-linux"]);
    expect(aptLine(["zstd", "cpio", "zstd"])).toBe(
      "sudo apt-get install --yes --no-install-recommends cpio zstd",
    );
  });

  it("are installed without the packages that they only recommend", () => {
    const words = installWords(["cpio"]);
    expect(words.slice(-4)).toEqual(["install", "--yes", "--no-install-recommends", "cpio"]);
    expect(words.join(" ")).not.toContain("path-exclude");
  });

  it("that carry a service come without the files by which it would start", () => {
    const words = installWords(["tgt"]).join(" ");
    expect(words).toContain("--path-exclude=/etc/init.d/tgt");
    expect(words).toContain("--path-exclude=*/systemd/system/tgt.service");
  });
});

it("programs are looked for in the system's own folders too, each once", () => {
  const folders = searchPath("/opt/a:/usr/sbin::/opt/a").split(":");
  expect(folders).toEqual(["/opt/a", "/usr/sbin", "/usr/local/sbin", "/sbin"]);
});

describe("counting tests", () => {
  const report = (parts: Partial<VitestReport>): VitestReport => ({
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [],
    ...parts,
  });
  const broken = { status: "failed", assertionResults: [] };
  const half = { status: "failed", assertionResults: [{ status: "failed" }, { status: "passed" }] };

  it.for([
    {
      when: "all went well",
      of: report({ numPassedTests: 3 }),
      exit: 0,
      is: { passed: 3, failed: 0, skipped: 0 },
    },
    {
      when: "some are to do and some skipped",
      of: report({ numPassedTests: 1, numPendingTests: 2, numTodoTests: 1 }),
      exit: 0,
      is: { passed: 1, failed: 0, skipped: 3 },
    },
    {
      when: "a test failed",
      of: report({ numPassedTests: 1, numFailedTests: 1, testResults: [half] }),
      exit: 1,
      is: { passed: 1, failed: 1, skipped: 0 },
    },
    {
      when: "a file could not be loaded",
      of: report({ numPassedTests: 4, testResults: [broken] }),
      exit: 1,
      is: { passed: 4, failed: 1, skipped: 0 },
    },
    {
      when: "the run ended badly without a failed test",
      of: report({ numPassedTests: 4 }),
      exit: 1,
      is: { passed: 4, failed: 1, skipped: 0 },
    },
    { when: "there is no report", of: undefined, exit: 137, is: { passed: 0, failed: 1, skipped: 0 } },
  ])("is right when $when", ({ of, exit, is }) => {
    expect(countRun(of, exit)).toEqual(is);
  });

  it("adds up over the runs and ends in one line", () => {
    const all = sum([
      { passed: 3, failed: 0, skipped: 1 },
      { passed: 4, failed: 2, skipped: 0 },
    ]);
    expect(closingLine(all)).toBe("7 passed, 2 failed, 1 skipped");
    expect(closingLine(sum([]))).toBe("0 passed, 0 failed, 0 skipped");
  });
});

describe("the words after `npm test --`", () => {
  it.for([
    { words: [], asked: projects, filters: [] },
    { words: ["unit"], asked: ["unit"], filters: [] },
    { words: ["lab", "deploy", "-t", "power"], asked: ["lab"], filters: ["deploy", "-t", "power"] },
    { words: ["conduct"], asked: projects, filters: ["conduct"] },
  ])("$words ask for $asked", ({ words, asked, filters }) => {
    expect(splitWords(words)).toEqual({ asked, filters });
  });
});

describe("what set-up tells", () => {
  it("is one line for each thing, with its seconds", async () => {
    let [text, time] = ["", 0];
    const say = newTeller(
      (piece) => {
        text += piece;
      },
      () => {
        time += 2_500;
        return time;
      },
    );
    expect(await say.step("Compiling", async () => "done")).toBe("done");
    await expect(say.step("Fetching", () => Promise.reject(new Error("gone")))).rejects.toThrow("gone");
    expect(text).toBe("Compiling ... 2.5 s\nFetching ... no (2.5 s)\n");
  });

  it("shows tenths only of what is short", () => {
    expect([seconds(340), seconds(370_400)]).toEqual(["0.3 s", "370 s"]);
  });
});
