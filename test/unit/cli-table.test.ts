import { describe, expect, it } from "vitest";
import { detailsOf, firstSentence, shortDigest } from "../../provider/cli/details.ts";
import { type Column, pairs, shortened, table } from "../../provider/cli/table.ts";

type Row = readonly [name: string, words: string, state: string];
const columns: readonly Column<Row>[] = [
  { head: "NAME", of: ([name]) => name },
  { head: "WORDS", of: ([, words]) => words, least: 6 },
  { head: "STATE", of: ([, , state]) => state },
];
const rows: readonly Row[] = [
  ["a", "a rather long story", "on"],
  ["bcdef", "short", ""],
];

describe("a table", () => {
  it("aligns its columns under their heads, and ends no line with blanks", () => {
    expect(table(columns, rows)).toBe(
      ["NAME   WORDS                STATE", "a      a rather long story  on", "bcdef  short", ""].join("\n"),
    );
  });

  it("cuts the columns that may be cut where the terminal is narrow, and says so", () => {
    const lines = table(columns, rows, 24).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(24);
    expect(lines[1]).toBe("a      a rather…   on");
    expect(table(columns, rows, 1).split("\n")[1]).toBe("a      a rat…  on");
    expect(table(columns, rows, 33)).toBe(table(columns, rows));
  });

  it("shares what is missing among several, the widest first", () => {
    const two: readonly Column<Row>[] = [
      { head: "ONE", of: ([, words]) => words, least: 4 },
      { head: "TWO", of: ([, words]) => `${words}, and more of it`, least: 4 },
    ];
    const [, line = ""] = table(two, rows, 40).split("\n");
    expect(line).toBe("a rather long story  a rather long stor…");
  });

  it("lets nothing that a controller says break a line or steer the terminal", () => {
    const text = table(columns, [["a", "\u001b[31mred\r\nalert\u0007", "on"]]);
    expect(text.split("\n")).toHaveLength(3);
    expect(text).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(pairs([["a", "x\ny"]])).toBe("a  x y\n");
  });

  it("counts letters, not halves of them", () => {
    expect(shortened("🙂🙂🙂🙂", 3)).toBe("🙂🙂…");
    expect(shortened("abc", 3)).toBe("abc");
  });
});

describe("the details of a state", () => {
  it("are flat, each named by its place, empty ones as dashes", () => {
    const state = {
      ...{
        name: "n1",
        cpus: 0,
        power: { address: "10.0.0.1", more: {} },
        macs: ["a", "b"],
        none: [],
        lastError: "",
      },
      timeline: [{ step: "write", seconds: 1.5 }],
    };
    expect(detailsOf(state)).toEqual([
      ["name", "n1"],
      ["cpus", "0"],
      ["power.address", "10.0.0.1"],
      ["power.more", "-"],
      ["macs", "a, b"],
      ["none", "-"],
      ["lastError", "-"],
      ["timeline[0].step", "write"],
      ["timeline[0].seconds", "1.5"],
    ]);
  });

  it.for([
    ["the disk 10.0.0.1:3260 stalled. Look at it. [X]", "the disk 10.0.0.1:3260 stalled"],
    ["no full stop", "no full stop"],
    ["", ""],
  ] as const)("shorten %j to its first sentence", ([text, first]) => {
    expect(firstSentence(text)).toBe(first);
  });

  it("shorten digests, and nothing else", () => {
    expect(shortDigest(`sha256:${"ab".repeat(32)}`)).toBe("sha256:abababababab");
    expect(shortDigest("sha256:image.raw")).toBe("sha256:image.raw");
  });
});
