import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CacheEntry } from "../../provider/services/images/types.ts";
import { asSite, commandLine } from "../fixtures/command-line.ts";
import { type FakeSite, openFakeSite, ref } from "../fixtures/site-parts.ts";

let site: FakeSite;
let entries: CacheEntry[] = [];
beforeEach(async () => {
  site = await openFakeSite();
  const [used, unused] = [entry("a", "/srv/debian.qcow2", 2 ** 30), entry("b", "/srv/old.raw", 3 * 2 ** 20)];
  entries = [
    { ...used, format: "qcow2" },
    unused,
    { ...entry("c", "/srv/vmlinuz", 2 ** 20), plainFile: true },
  ];
  await site.store.put("images", {
    ref: ref("debian"),
    spec: { source: "x", digest: used.digest },
    state: {},
  });
});
afterEach(async () => {
  await site.close();
});

const entry = (letter: string, source: string, bytes: number): CacheEntry => ({
  ...{
    path: `/cache/${letter}`,
    format: "raw",
    virtualSize: bytes,
    digest: `sha256:${letter.repeat(64)}`,
    bytes,
  },
  ...{ plainFile: false, size: bytes, source, fetchedAt: Date.parse("2026-01-02T03:04:05Z") },
});
const run = (...words: readonly string[]) => {
  const images = {
    ...site.parts.images,
    list: async () => entries,
    forget: async (digest: string) => {
      entries = entries.filter((one) => one.digest !== digest);
    },
  };
  const parts = { ...site.parts, images };
  return commandLine({ site: () => asSite({ ...site, parts }) }).run(...words);
};

describe("images list", () => {
  it("tells what lies in the cache, and who needs it", async () => {
    const { out, err } = await run("images", "list");
    expect(out.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["DIGEST", "FORMAT", "SIZE", "FETCHED", "NEEDED BY", "SOURCE"],
      ["sha256:aaaaaaaaaaaa", "qcow2", "1 GiB", "2026-01-02", "Image debian", "/srv/debian.qcow2"],
      ["sha256:bbbbbbbbbbbb", "raw", "3 MiB", "2026-01-02", "nobody", "/srv/old.raw"],
      ["sha256:cccccccccccc", "file", "1 MiB", "2026-01-02", "nobody", "/srv/vmlinuz"],
      [""],
    ]);
    expect(err).toBe("");
    expect(JSON.parse((await run("images", "list", "--json")).out)).toMatchObject([
      { digest: `sha256:${"a".repeat(64)}`, bytes: 2 ** 30, neededBy: ["Image debian"] },
      { neededBy: [] },
      { plainFile: true },
    ]);
  });

  it("says of an empty cache that it is empty", async () => {
    entries = [];
    expect((await run("images", "list")).out).toBe("The image cache is empty.\n");
  });
});

describe("images prune", () => {
  it("only says what would be removed in a dry run, and removes it else", async () => {
    const dry = await run("images", "prune", "--dry-run");
    expect(dry.out).toContain("2 (4 MiB) would be removed. 1 (1 GiB) kept.");
    expect(entries).toHaveLength(3);
    const { out } = await run("images", "prune");
    expect(out).toContain("/srv/old.raw");
    expect(out).toContain("2 (4 MiB) removed. 1 (1 GiB) kept.");
    expect(out).not.toContain("/srv/debian.qcow2");
    expect(entries.map(({ source }) => source)).toEqual(["/srv/debian.qcow2"]);
    expect((await run("images", "prune")).out).toBe("Nothing to remove: 1 (1 GiB) kept.\n");
  });

  it("prints JSON for programs", async () => {
    expect(JSON.parse((await run("images", "prune", "--dry-run", "--json")).out)).toMatchObject({
      removed: [{ path: "/cache/b", bytes: 3 * 2 ** 20 }, { path: "/cache/c" }],
      kept: [{ path: "/cache/a" }],
      dryRun: true,
    });
  });

  it("says beside its output of what it keeps more than may be needed", async () => {
    const spec = {
      source: "/srv/old.raw",
      kernel: { source: "/k" },
      ramdisk: { source: "/r" },
      digest: "sha256:0",
    };
    await site.store.put("images", { ref: ref("partition"), spec, state: {} });
    const { out, err } = await run("images", "prune", "--json");
    expect(err).toContain("The files of Image partition are not all in the cache");
    expect(JSON.parse(out)).toMatchObject({ removed: [{ path: "/cache/c" }], unsure: ["Image partition"] });
  });
});
