import { mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext, until } from "../../provider/kernel/context.ts";
import { lineLogger, silent } from "../../provider/kernel/log.ts";
import { type AuditLine, auditedSite, auditFile } from "../../provider/serve/audit.ts";
import { guardedSite } from "../../provider/site/guarded.ts";
import { asSite } from "../fixtures/command-line.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";

let site: FakeSite;
let folder = "";
const lines: AuditLine[] = [];
beforeEach(async () => {
  site = await openFakeSite();
  folder = await mkdtemp(join(tmpdir(), "audit-"));
  lines.length = 0;
});
afterEach(async () => {
  await site.close();
  await rm(folder, { recursive: true });
});
const asked = { who: "ci", from: "192.0.2.7" };
const audited = (more: object = {}) =>
  auditedSite({ ...asSite(site), ...more }, asked, (line) => lines.push(line));
const told = () => lines.map(({ what, name, outcome }) => [what, name, outcome]);

describe("the audit log", () => {
  it("has who asked what, when, and what became of it, and no secret", async () => {
    const spec = specs.node("10.0.0.1");
    const password = "PLANTED-password";
    await audited().nodes.ensure(site.ctx, ref("n1"), { ...spec, power: { ...spec.power, password } });
    await audited().nodes.observe(site.ctx, ref("n1"));
    await audited().perform(site.ctx, { kind: "maintenance", node: "n1", reason: "PLANTED reason" });
    const made = { kind: "add token", name: "laptop", owner: "shop/*", scope: "read" } as const;
    const { token } = await audited().perform(site.ctx, made);
    expect(lines[0]).toEqual({
      ...{ ...asked, what: "nodes ensure", ...ref("n1"), outcome: "ok" },
      ...{ time: expect.stringMatching(/^20\d\d-.*Z$/), seconds: expect.any(Number) },
    });
    expect(told().slice(1)).toEqual([
      ["nodes observe", "n1", "ok"],
      ["maintenance", "n1", "ok"],
      ["add token", "laptop", "ok"],
    ]);
    expect(JSON.stringify(lines)).not.toMatch(new RegExp(`PLANTED|${String(token)}`));
  });

  it("has what was refused, and who did not wait for the end", async () => {
    const reader = guardedSite(asSite(site), { name: "ci", owner: "shop/*", scope: "read" });
    const nodes = auditedSite(reader, asked, (line) => lines.push(line)).nodes;
    await nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1")).catch(() => {});
    const controller = new AbortController();
    const ctx = newContext({ signal: controller.signal });
    const whole = asSite(site);
    const endless = async () => until<never>(ctx, "1 hour", async () => undefined);
    const asking = audited({ nodes: { ...whole.nodes, remove: endless } }).nodes.remove(ctx, ref("n1"));
    controller.abort(new Error("ctrl-c"));
    await expect(asking).rejects.toThrow();
    expect(told()).toEqual([
      ["nodes ensure", "n1", "TOKEN_SCOPE"],
      ["nodes remove", "n1", "left"],
    ]);
  });

  it("has what a bearer may not look at, and nothing of what it may", async () => {
    await site.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1"));
    for (const owner of ["shop/*", "blog/*"]) {
      const reader = guardedSite(asSite(site), { name: "ci", owner, scope: "read" });
      const own = auditedSite(reader, asked, (line) => lines.push(line));
      const upload = { owner: ref("x").owner, path: "/disk", digest: "sha256:1", size: 1, plainFile: false };
      const looks = [
        async () => void (await own.watch(site.ctx, "nodes", "n1")[Symbol.asyncIterator]().next()),
        async () => void (await own.console(site.ctx, "nodes", "n1", {})[Symbol.asyncIterator]().next()),
        async () => void (await own.uploads.look(site.ctx, upload)),
        async () => own.ahead.used(site.ctx, { owner: upload.owner, run: "r" } as never, []),
      ];
      for (const look of looks) await look().catch(() => {});
    }
    expect(told()).toEqual([
      ["upload", "sha256:1", "TOKEN_SCOPE"],
      ["watch", "n1", "TOKEN_OWNER"],
      ["console", "n1", "TOKEN_OWNER"],
      ["upload", "sha256:1", "TOKEN_OWNER"],
      ["plans ahead", undefined, "TOKEN_OWNER"],
    ]);
  });

  it("is a file of lines that others cannot read, and that may be taken away at any time", async () => {
    const path = join(folder, "audit.log");
    const record = auditFile(path, silent);
    const line = { ...asked, time: "t", what: "x", outcome: "ok", seconds: 0 };
    const linesOf = async (file: string) =>
      (await readFile(file, "utf8"))
        .trim()
        .split("\n")
        .map((one) => JSON.parse(one));
    for (const name of ["a", "b", "c"]) record({ ...line, name });
    await vi.waitFor(async () => expect(await linesOf(path)).toHaveLength(3));
    expect((await linesOf(path)).map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await rename(path, `${path}.1`);
    record({ ...line, name: "d" });
    await vi.waitFor(async () => expect(await linesOf(path)).toHaveLength(1));
  });

  it("that cannot be written is told of, and stops nothing", async () => {
    const words: string[] = [];
    const record = auditFile(
      join(folder, "none", "audit.log"),
      lineLogger((line) => words.push(line)),
    );
    record({ ...asked, time: "t", what: "x", outcome: "ok", seconds: 0 });
    await vi.waitFor(() => expect(words.join()).toContain("audit log cannot be written"));
  });
});
