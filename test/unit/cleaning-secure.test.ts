import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext, type Progress } from "../../provider/kernel/context.ts";
import { approveSecure, clean } from "../../provider/workflows/clean.ts";
import type { Call } from "../../provider/workflows/netboot.ts";
import type { VisitMachine, VisitRecord } from "../../provider/workflows/visit.ts";
import { blankDisk } from "../fixtures/blank-disk.ts";
import { codeOf, settle } from "../fixtures/settle.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";
import { declare, enrol } from "../fixtures/site-world.ts";

let site: FakeSite;
const install = () =>
  site.instances.ensure(site.ctx, ref("web-1"), specs.instance({ node: "n1", onDelete: "clean" }));
const remove = () => site.instances.remove(site.ctx, ref("web-1"), {});
const server = () => site.serverAt("10.0.0.1");
const node = async () => (await site.store.get("nodes", "n1"))?.state;
/** What was said to the ramdisk to have it erase. */
const said = () => [...new Set(site.done.flatMap((what) => /hears (clean.*)/.exec(what)?.[1] ?? []))];
const erasesBy = (erase: string) => {
  server().disk = { ...server().disk, erase };
};

describe('a node with `clean: "secure"`', () => {
  beforeEach(async () => {
    site = await openFakeSite({ maxErase: 5 });
    site.answerRamdisks();
    await declare(site);
    await enrol(site, "n1");
    await site.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1", { clean: "secure" }));
    await install();
  });
  afterEach(() => site.close());

  it("is erased by a ramdisk that brings the programs for it; what needs no password gets none", async () => {
    erasesBy("sanitize crypto");
    await remove();
    expect(site.done).toContain("ramdisk secure");
    expect(said()).toEqual(["clean"]);
    expect(await node()).toMatchObject({ provisionState: "available", lastClean: { method: "secure" } });
    expect(await site.store.drivePassword("n1")).toBeUndefined();
  });

  it("has its drives erased under a password that nobody else reads, and that is forgotten then", async () => {
    erasesBy("erase");
    await remove();
    expect(said()).toEqual([expect.stringMatching(/^clean [0-9a-f]{32}$/)]);
    expect(await site.store.drivePassword("n1")).toBeUndefined();
    const password = String(said()[0]).slice(6);
    expect(site.words.join()).toContain("clean");
    expect(site.words.join()).not.toContain(password);
    expect(JSON.stringify(await node())).not.toContain(password);
  });

  it("remembers the password of a drive that lost its power before it was erased, until it is", async () => {
    erasesBy("erase");
    server().loses = "power";
    await expect(remove()).rejects.toMatchObject({ code: "CLEAN_FAILED" });
    expect(await node()).toMatchObject({ provisionState: "clean failed" });
    expect(await site.store.visit("n1")).toBeUndefined();
    expect(await site.store.drivePassword("n1")).toBe(server().password);
    Object.assign(server(), { loses: undefined, complains: undefined });
    await remove();
    expect(said()).toHaveLength(1);
    expect(server().disk.holds).toBe("");
    expect(await site.store.drivePassword("n1")).toBeUndefined();
  });

  it.for([
    ["frozen", "CLEAN_DISK_FROZEN", "clean failed"],
    ["locked", "CLEAN_DISK_LOCKED", "clean failed"],
    ["none: it has no ATA security feature", "CLEAN_NOT_SECURE", "available"],
  ] as const)("is not erased, nor in another way, where a drive is %s", async ([erase, code, state]) => {
    erasesBy(erase);
    await expect(remove()).rejects.toMatchObject({ code });
    expect(said()).toEqual([]);
    expect(server().disk.holds).not.toBe("");
    expect(server().state).toBe("off");
    expect(await node()).toMatchObject({ provisionState: state });
    expect(await site.store.disksLeft()).toHaveLength(1);
  });
});

describe("the drives of a server", () => {
  const disk = (erase?: string) => ({ ...blankDisk(), ...(erase === undefined ? {} : { erase }) });
  it.for([
    [["sanitize block", "format data"], false, false],
    [["sanitize block", "erase"], false, true],
    [["enhanced erase"], false, true],
    [["locked"], true, true],
  ] as const)("%j, a password of ours remembered: %s, take one: %s", ([means, remembered, takes]) => {
    expect(approveSecure("n1", means.map(disk), remembered)).toBe(takes);
  });

  it("are not approved by a ramdisk that does not tell how", () => {
    expect(() => approveSecure("n1", [disk()], false)).toThrow("its ramdisk does not tell how");
  });
});

describe("a drive that erases itself", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** The step that cleans, hearing these calls: numbers are minutes of silence. */
  function hear(method: "secure" | "full", heard: readonly (Partial<Call> | number)[]) {
    const left = [...heard];
    const reported: Progress[] = [];
    let record: VisitRecord = { id: "v", key: "k", order: { mode: "clean", method, disks: ["SN-1"] } };
    const next = async ({ signal }: { readonly signal: AbortSignal }): Promise<Call> => {
      const one = left.shift();
      if (typeof one !== "number") return { target: {}, boot: "b", ...one } as Call;
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(resolve, one * 60_000);
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          reject(signal.reason);
        });
      });
      return next({ signal });
    };
    const machine = {
      ...{ node: { name: "n1" }, calls: { next, forget: () => {} }, record: () => record },
      update: async (change: Partial<VisitRecord>) => {
        record = { ...record, ...change };
      },
    } as unknown as VisitMachine;
    const step = clean.find(({ name }) => name === "clean");
    const running = step?.run(newContext({ report: (one) => reported.push(one) }), machine);
    return { running: running ?? Promise.reject(new Error("no such step")), reported, record: () => record };
  }
  const at = (bytes: number): Partial<Call> => ({ progress: { bytes, size: 100, disk: "SN-1" } });
  const cleaned = [{ disk: "SN-1", name: "sda", size: 100, method: "secure" }] as const;

  it("is waited for although its ramdisk is silent, and although it stands still", async () => {
    const still = Array.from({ length: 20 }, () => [2, at(50)]).flat();
    const { running, reported, record } = hear("secure", [at(10), 9, at(50), ...still, { cleaned }]);
    expect(await settle(running)).toBeUndefined();
    expect(record().cleaned).toEqual(cleaned);
    expect(reported.map(({ note }) => note).join()).toContain("no word of the ramdisk for 3 minutes");
    expect(reported.some(({ percent }) => percent === 50)).toBe(true);
  });

  it("is not waited for before it has begun", async () => {
    expect(codeOf(await settle(hear("secure", [9, { cleaned }]).running))).toBe("LIMIT_REACHED");
  });

  it("is another thing than one that is overwritten and stands still", async () => {
    const still = Array.from({ length: 20 }, () => [2, at(50)]).flat();
    expect(codeOf(await settle(hear("full", [at(50), ...still]).running))).toBe("CLEAN_STALLED");
    expect(codeOf(await settle(hear("full", [at(50), 9]).running))).toBe("LIMIT_REACHED");
  });
});
