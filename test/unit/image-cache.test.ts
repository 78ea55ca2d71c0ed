import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { until } from "../../provider/kernel/context.ts";
import { createImages } from "../../provider/services/images/index.ts";
import type { ImageSource } from "../../provider/services/images/types.ts";
import { digestOfFiles } from "../../provider/site/local/collections/image.ts";
import { perform } from "../../provider/site/local/operations.ts";
import type { Parts } from "../../provider/site/local/parts.ts";
import { openStore } from "../../provider/site/local/store/index.ts";
import type { Operation, State } from "../../provider/site/site.ts";
import { type FakeSite, openFakeSite, owner, ref, specs } from "../fixtures/site-parts.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
});
afterEach(async () => {
  await site.close();
});
const ask = (operation: Operation, more: Partial<Parts> = {}) =>
  perform(site.ctx, { ...site.parts, ...more }, operation);
const enrol = (name: string, of = owner) =>
  site.nodes.ensure(site.ctx, ref(name, of), specs.node(`10.0.0.${name.slice(1)}`));

/** A job that runs until the test ends. */
async function working(key: string): Promise<void> {
  const job = site.parts.jobs.run(site.ctx, key, "d", (ctx) =>
    until<State>(ctx, "1 hour", async () => undefined),
  );
  job.catch(() => {});
  await vi.waitFor(() => expect(site.parts.jobs.running()).toContain(key));
}
async function folderOf(name: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe("the image cache", () => {
  const hour = 3_600_000;
  let sources = "";
  let images: Parts["images"];
  beforeEach(async () => {
    sources = await folderOf("sources");
    images = createImages({ dir: await folderOf("cache") });
  });

  /** Fetch a file of this content, as an update some time ago would have. */
  async function cached(name: string, plainFile = false) {
    const location = join(sources, name);
    const content = Buffer.alloc(64 * 1024, name);
    if (!plainFile) content.writeUInt16LE(0xaa55, 510);
    await writeFile(location, content);
    const source: ImageSource = plainFile ? { location, plainFile } : { location };
    return { location, digest: (await images.ensure(site.ctx, source)).digest };
  }
  const declare = (name: string, spec: object) =>
    site.store.put("images", { ref: ref(name), spec: { ...spec }, state: {} });
  const later = (by = hour) => {
    vi.useFakeTimers({ now: Date.now() + by, toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
  };
  type Told = readonly { readonly digest: string; readonly neededBy: readonly string[] }[];
  async function prune(dryRun = false) {
    const answer = await ask({ kind: "prune images", dryRun }, { images });
    const [kept, removed] = [answer["kept"] as Told, answer["removed"] as Told];
    return {
      ...answer,
      kept: kept.map(({ digest }) => digest),
      removed: removed.map(({ digest }) => digest),
    };
  }
  const inCache = async () => (await images.list()).map(({ digest }) => digest).sort();

  it("tells who needs each of its entries", async () => {
    const [used, unused] = [await cached("used"), await cached("unused")];
    await declare("debian", { source: used.location, digest: used.digest });
    later();
    const answer = await ask({ kind: "cached images" }, { images });
    const told = Object.fromEntries(
      (answer["images"] as Told).map((entry) => [entry.digest, entry.neededBy]),
    );
    expect(told).toEqual({ [used.digest]: ["Image debian"], [unused.digest]: [] });
    expect((answer["images"] as object[])[0]).toMatchObject({ format: "raw", bytes: 65536 });
  });

  it("loses only what nobody needs, and nothing in a dry run", async () => {
    const [used, unused, old] = [await cached("used"), await cached("unused"), await cached("old")];
    await declare("debian", { source: used.location, digest: used.digest });
    const spec = specs.instance({ image: "debian", imageDigest: old.digest });
    await site.store.put("instances", { ref: ref("web-1"), spec, state: {} });
    later();
    const dry = await prune(true);
    expect(dry).toMatchObject({ removed: [unused.digest], dryRun: true });
    expect(await inCache()).toHaveLength(3);
    expect(await prune()).toMatchObject({ removed: [unused.digest], unsure: [] });
    expect(await inCache()).toEqual([used.digest, old.digest].sort());
  });

  it("keeps all files of a partition image, found by their digest without a look at the sources", async () => {
    const [root, kernel, ramdisk] = [
      await cached("root"),
      await cached("kernel", true),
      await cached("ramdisk", true),
    ];
    const other = await cached("other-kernel", true);
    await declare("partition", {
      source: "/moved/away/root",
      kernel: { source: kernel.location },
      ramdisk: { source: "https://nowhere.invalid/ramdisk" },
      digest: digestOfFiles([root.digest, kernel.digest, ramdisk.digest]),
    });
    later();
    expect(await prune()).toMatchObject({ removed: [other.digest], unsure: [] });
    expect(await inCache()).toEqual([root.digest, kernel.digest, ramdisk.digest].sort());
  });

  it("keeps what may belong to an image that its digest does not explain, and says of which", async () => {
    const [root, kernel, ramdisk] = [
      await cached("root"),
      await cached("kernel", true),
      await cached("ramdisk", true),
    ];
    const other = await cached("other");
    await declare("partition", {
      ...{
        source: root.location,
        kernel: { source: kernel.location },
        ramdisk: { source: ramdisk.location },
      },
      digest: digestOfFiles(["sha256:of", "something", "else"]),
    });
    later();
    expect(await prune()).toMatchObject({ removed: [other.digest], unsure: ["Image partition"] });
    expect(await inCache()).toHaveLength(3);
  });

  it("keeps a flavor's own deploy ramdisk", async () => {
    const [kernel, ramdisk] = [await cached("kernel", true), await cached("ramdisk", true)];
    const deployRamdisk = {
      kernel: kernel.location,
      ramdisk: "/moved/away",
      ramdiskChecksum: ramdisk.digest,
      protocol: "baremetal",
      acceptFirstDisk: false,
    };
    await site.store.put("flavors", { ref: ref("f"), spec: { ...specs.flavor, deployRamdisk }, state: {} });
    later();
    expect(await prune()).toMatchObject({ removed: [] });
  });

  it("keeps what was just fetched: the update that needs it has perhaps not said so yet", async () => {
    const { digest } = await cached("fresh");
    later(60_000);
    expect(await prune()).toMatchObject({ kept: [digest], removed: [] });
    later();
    expect(await prune()).toMatchObject({ kept: [], removed: [digest] });
  });

  it("is left alone while a job runs, but for a dry run", async () => {
    await cached("unused");
    await working("instances/web-1");
    later();
    await expect(prune()).rejects.toMatchObject({ code: "SITE_BUSY" });
    expect(await inCache()).toHaveLength(1);
    expect((await prune(true)).removed).toHaveLength(1);
  });
});

describe("a backup", () => {
  it("is a whole store for its owner's eyes only, made while the store is open", async () => {
    await enrol("n1");
    const folder = join(await folderOf("backup"), "new");
    const answer = await ask({ kind: "backup", folder });
    const modes = await Promise.all(
      ["", "site.db", "key"].map(async (name) => (await stat(join(folder, name))).mode & 0o777),
    );
    expect(modes).toEqual([0o700, 0o600, 0o600]);
    expect(await readdir(folder)).toHaveLength(2);
    expect(answer["bytes"]).toBeGreaterThan((await stat(join(folder, "site.db"))).size);
    await enrol("n2");
    const copy = await openStore(folder);
    onTestFinished(() => copy.close());
    expect(copy.siteId).toBe(site.store.siteId);
    expect((await copy.all("nodes")).map((record) => record.ref.name)).toEqual(["n1"]);
    expect((await copy.get("nodes", "n1"))?.spec).toEqual((await site.store.get("nodes", "n1"))?.spec);
  });

  it.for([
    { where: "that is not empty", path: "full" },
    { where: "that is a file", path: "full/file" },
    { where: "whose place does not exist", path: "missing/backup" },
    { where: "by a relative path", path: undefined },
  ])("into a folder $where is refused, and leaves nothing behind", async ({ path }) => {
    const parent = await folderOf("backup");
    await mkdir(join(parent, "full"));
    await writeFile(join(parent, "full/file"), "");
    const folder = path === undefined ? "backup" : join(parent, path);
    await expect(ask({ kind: "backup", folder })).rejects.toMatchObject({ code: "STORE_BACKUP_FOLDER" });
    expect((await readdir(parent, { recursive: true })).sort()).toEqual(["full", "full/file"]);
  });
});
