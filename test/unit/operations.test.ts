import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
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
const stateOf = async (name: string) => (await site.store.get("nodes", name))?.state ?? {};
const renamed = "org/shop/live";

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

describe("a reset", () => {
  it("frees a node that was set aside and tries its credentials again", async () => {
    await enrol("n1");
    await site.store.patch("nodes", "n1", { provisionState: "deploy failed", lastError: "why" });
    const forgiveLogin = vi.fn(async () => {});
    const answer = await ask({ kind: "reset", node: "n1" }, { forgiveLogin });
    expect(answer).toEqual({ node: "n1", provisionState: "available", changed: true });
    expect(await stateOf("n1")).toMatchObject({ provisionState: "available", lastError: "" });
    expect(forgiveLogin).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ address: "10.0.0.1" }));
  });

  it("leaves any other node where it is, and says so", async () => {
    await enrol("n1");
    await site.store.patch("nodes", "n1", { provisionState: "active", lastError: "kept" });
    const forgiveLogin = vi.fn(async () => {});
    const answer = await ask({ kind: "reset", node: "n1" }, { forgiveLogin });
    expect(answer).toEqual({ node: "n1", provisionState: "active", changed: false });
    expect(await stateOf("n1")).toMatchObject({ provisionState: "active", lastError: "kept" });
    expect(forgiveLogin).toHaveBeenCalled();
  });
});

describe("a maintenance", () => {
  it("begins with a reason and ends without one", async () => {
    await enrol("n1");
    const on = await ask({ kind: "maintenance", node: "n1", reason: "new fan" });
    expect(on).toEqual({ node: "n1", maintenanceReason: "new fan" });
    expect(await stateOf("n1")).toMatchObject({ maintenanceReason: "new fan", provisionState: "available" });
    await ask({ kind: "maintenance", node: "n1" });
    expect(await stateOf("n1")).toMatchObject({ maintenanceReason: "" });
  });
});

describe("what this site does not know", () => {
  it.for<Operation>([
    { kind: "reset", node: "n9" },
    { kind: "maintenance", node: "n9", reason: "x" },
    { kind: "abort", instance: "n9" },
  ])("is refused by name: $kind", async (operation) => {
    await expect(ask(operation)).rejects.toMatchObject({
      code: "SITE_UNKNOWN_REFERENCE",
      message: expect.stringContaining("n9"),
    });
  });
});

describe("an abort", () => {
  it("ends the job of an instance, and says when there was none", async () => {
    await working("instances/web-1");
    expect(await ask({ kind: "abort", instance: "web-1" })).toEqual({ instance: "web-1", aborted: true });
    expect(site.parts.jobs.running()).toEqual([]);
    await site.store.put("instances", { ref: ref("web-1"), spec: specs.instance(), state: {} });
    expect(await ask({ kind: "abort", instance: "web-1" })).toEqual({ instance: "web-1", aborted: false });
  });
});

describe("an owner that is moved", () => {
  it("hands over what it declared, claimed, wrote and removed, and nothing of others", async () => {
    await enrol("n1");
    await enrol("n2", "org/other/prod");
    await site.flavors.ensure(site.ctx, ref("f"), specs.flavor);
    await site.flavors.ensure(site.ctx, ref("gone"), specs.flavor);
    await site.flavors.remove(site.ctx, ref("gone"));
    await site.store.claim("n1", ref("web-1"));
    await site.store.keepDisk("n1", "wwn-1", ref("web-1"), "installed");
    expect(await site.nodes.list(site.ctx)).toMatchObject([{ owner }, { owner: "org/other/prod" }]);
    const answer = await ask({ kind: "move owner", from: owner, to: renamed });
    expect(answer).toEqual({ from: owner, to: renamed, records: 2 });
    expect(await site.nodes.list(site.ctx)).toMatchObject([
      { name: "n1", owner: renamed },
      { name: "n2", owner: "org/other/prod" },
    ]);
    expect(await site.store.owners()).toEqual(["org/other/prod", renamed]);
    expect(await site.store.wasDropped("flavors", ref("gone", renamed))).toBe(true);
    expect(await site.store.wasDropped("flavors", ref("gone"))).toBe(false);
    const database = new Database(join(site.parts.settings.stateDir, "site.db"));
    onTestFinished(() => void database.close());
    for (const table of ["claims", "disks"])
      expect(database.prepare(`SELECT owner FROM ${table}`).all()).toEqual([{ owner: renamed }]);
  });

  it("goes on under its new name with the state of the old, and a copy of that state is still refused", async () => {
    const state = { ...(await site.flavors.ensure(site.ctx, ref("f"), specs.flavor)), __owner: owner };
    const asNew = () => site.flavors.ensure(site.ctx, ref("f", renamed), specs.flavor, { state });
    await expect(asNew()).rejects.toMatchObject({
      code: "SITE_OWNER_MOVED",
      message: expect.stringContaining(`owner move ${owner} ${renamed}`),
    });
    await ask({ kind: "move owner", from: owner, to: renamed });
    await asNew();
    const plan = await site.flavors.plan(site.ctx, ref("f", renamed), specs.flavor, { state });
    expect(plan.failures).toEqual([]);
    expect(await site.flavors.observe(site.ctx, ref("f", renamed), { state })).toMatchObject({ cpus: 1 });
    const copy = "org/shop/copy";
    for (const [asks, code] of [
      [copy, "SITE_OWNER_MOVED"],
      [owner, "SITE_NAME_TAKEN"],
    ] as const)
      for (const doing of [
        site.flavors.ensure(site.ctx, ref("f", asks), specs.flavor, { state }),
        site.flavors.remove(site.ctx, ref("f", asks), { state }),
      ])
        await expect(doing).rejects.toMatchObject({ code });
    await site.flavors.remove(site.ctx, ref("f", renamed), { state });
    expect(await site.store.get("flavors", "f")).toBeUndefined();
  });

  it("may have removed what the new one removed too", async () => {
    for (const by of [owner, renamed]) {
      await site.flavors.ensure(site.ctx, ref("f", by), specs.flavor);
      await site.store.drop("flavors", ref("f", by));
    }
    await site.flavors.ensure(site.ctx, ref("g"), specs.flavor);
    await ask({ kind: "move owner", from: owner, to: renamed });
    expect(await site.store.wasDropped("flavors", ref("f", renamed))).toBe(true);
  });

  it("has to own something, and the refusal tells who does", async () => {
    await enrol("n1");
    await expect(ask({ kind: "move owner", from: "org/shop/prdo", to: renamed })).rejects.toMatchObject({
      code: "SITE_OWNER_UNKNOWN",
      message: expect.stringContaining(owner),
    });
  });

  it("waits for the jobs of the site", async () => {
    await enrol("n1");
    await working("instances/web-1");
    await expect(ask({ kind: "move owner", from: owner, to: renamed })).rejects.toMatchObject({
      code: "SITE_BUSY",
      message: expect.stringContaining("instances/web-1"),
    });
    expect(await site.store.owners()).toEqual([owner]);
  });
});

describe("what a site lists", () => {
  it("holds no secret in clear", async () => {
    const node = specs.node("10.0.0.1");
    const power = { ...node.power, password: "PLANTED-password", kg: "PLANTED-kg" };
    await site.nodes.ensure(site.ctx, ref("n1"), { ...node, power });
    const [listed] = await site.nodes.list(site.ctx);
    expect(listed).toMatchObject({
      ...{ name: "n1", owner },
      power: { address: "10.0.0.1", password: "[secret]", kg: "[secret]" },
    });
    expect(JSON.stringify(listed)).not.toContain("PLANTED");
    expect((await site.store.get("nodes", "n1"))?.spec["power"]).toMatchObject(power);
  });
});

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
