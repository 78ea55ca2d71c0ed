import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Refused } from "../../provider/api/refused.ts";
import type { AuditLine } from "../../provider/serve/audit.ts";
import { foldLines } from "../../provider/serve/folding.ts";
import { notingRefused } from "../../provider/serve/refused.ts";

const lines: AuditLine[] = [];
const write = (line: AuditLine) => void lines.push(line);
const line = (from: string, more: Partial<AuditLine> = {}): AuditLine => ({
  ...{ time: "t", who: "nobody", from, what: "entry", route: "GET /v1/nodes", outcome: "TOKEN_MISSING" },
  ...{ seconds: 0, ...more },
});
beforeEach(() => {
  lines.length = 0;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => void vi.useRealTimers());

describe("lines about what was refused", () => {
  it("are written as they come, and what is too many for one address at the end of the minute, as one", () => {
    const { note } = foldLines(write, { most: 2 });
    for (let n = 0; n < 2; n += 1) note(line("192.0.2.7"));
    for (let n = 0; n < 214; n += 1) note(line("192.0.2.7", { outcome: "TOKEN_RATE" }));
    note(line("192.0.2.8"));
    expect(lines.map(({ from, more }) => [from, more])).toEqual([
      ["192.0.2.7", undefined],
      ["192.0.2.7", undefined],
      ["192.0.2.8", undefined],
    ]);
    vi.advanceTimersByTime(59_999);
    expect(lines).toHaveLength(3);
    vi.advanceTimersByTime(1);
    expect(lines.slice(3)).toEqual([line("192.0.2.7", { outcome: "TOKEN_RATE", more: 214 })]);
    note(line("192.0.2.7"));
    expect(lines).toHaveLength(5);
    vi.advanceTimersByTime(60_000);
    expect(lines).toHaveLength(5);
  });

  it("are no more of an asker with a whole network of IPv6, and apart for another one behind its address", () => {
    const { note, close } = foldLines(write, { most: 1 });
    for (let n = 1; n < 100; n += 1) note(line(`2001:db8::${n}`));
    note(line("2001:db8::1", { who: "ci" }));
    expect(lines.map(({ who, from }) => `${who} ${from}`)).toEqual(["nobody 2001:db8::1", "ci 2001:db8::1"]);
    close();
    expect(lines.slice(2)).toEqual([line("2001:db8::99", { more: 98 })]);
  });

  it("are bounded, from however many addresses they come, and none is uncounted", () => {
    const { note, close } = foldLines(write, { most: 3, inAll: 20 });
    for (let n = 0; n < 5_000; n += 1) note(line(`10.0.${n % 50}.${n % 250}`));
    expect(lines).toHaveLength(20);
    close();
    const folded = lines.slice(20);
    expect(folded.length).toBeLessThanOrEqual(21);
    expect(folded.find(({ from }) => from === "elsewhere")).toMatchObject({ who: "nobody" });
    expect(20 + folded.reduce((sum, { more = 0 }) => sum + more, 0)).toBe(5_000);
  });

  it.for<readonly [what: string, refused: Partial<Refused>, noted: boolean]>([
    ["a body that is not right, of who was let in", { who: "ci", code: "REQUEST_BAD" }, true],
    ["a path that there is not, of who was let in", { who: "ci", code: "REQUEST_UNKNOWN_PATH" }, true],
    ["what the site has noted already", { who: "ci", code: "TOKEN_SCOPE" }, false],
    ["what the door has noted already", { code: "TOKEN_MISSING" }, false],
    ["what is no request", { code: "REQUEST_NOT_HTTP" }, false],
  ])("are of %s: %o", ([, refused, noted]) => {
    const one = { route: "POST /v1/nodes/ensure", status: 400, code: "", from: "192.0.2.7", ...refused };
    notingRefused(write)(one);
    const { who = "", code, route, from } = one;
    const expected = { who, from, what: "request", route, outcome: code, seconds: 0 };
    expect(lines).toEqual(noted ? [{ ...expected, time: expect.any(String) }] : []);
  });
});
