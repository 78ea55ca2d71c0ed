import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ErrorRecord } from "../../provider/kernel/errors.ts";
import { lockStore } from "../../provider/site/local/lock.ts";
import { openStore, type Store } from "../../provider/site/local/store/index.ts";

let folder = "";
let open: Store[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "store-"));
});
afterEach(async () => {
  await Promise.all(open.map((store) => store.close()));
  open = [];
  await rm(folder, { recursive: true });
});
async function newStore(): Promise<Store> {
  const store = await openStore(folder);
  open.push(store);
  return store;
}
async function reopened(): Promise<Store> {
  await open.pop()?.close();
  return newStore();
}
const owner = "org/shop/prod";
const ref = (name: string, of = owner) => ({ owner: of, name });
const password = "PLANTED-hunter2-PLANTED";
const nodeSpec = { power: { driver: "ipmi", address: "10.0.0.1", password, kg: "PLANTED-kg" }, cpus: 4 };

describe("claims", () => {
  it("give a node to one of many that ask at once, and an instance one of many nodes", async () => {
    const store = await newStore();
    const names = Array.from({ length: 20 }, (_, n) => `web-${n}`);
    const won = await Promise.all(names.map((name) => store.claim("n1", ref(name))));
    expect(won.filter(Boolean)).toHaveLength(1);
    const nodes = Array.from({ length: 20 }, (_, n) => `m${n}`);
    const taken = await Promise.all(nodes.map((node) => store.claim(node, ref("db-1"))));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect((await store.claims()).size).toBe(2);
  });
  it("asked again by their holder are still held, over a restart too", async () => {
    const store = await newStore();
    expect(await store.claim("n1", ref("web-1"))).toBe(true);
    expect(await store.claim("n1", ref("web-1"))).toBe(true);
    expect(await store.claim("n2", ref("web-1"))).toBe(false);
    const again = await reopened();
    expect(await again.claimOf("web-1")).toBe("n1");
    await again.release("web-1");
    expect(await again.claim("n1", ref("db-1"))).toBe(true);
  });
});

describe("what was written on disks", () => {
  it("is released only on the node that was let go, and where it was never finished", async () => {
    const store = await newStore();
    await store.keepDisk("n1", "wwn-kept", ref("web-1"), "installed");
    await store.keepDisk("n2", "wwn-2", ref("web-1"), "installed");
    await store.keepDisk("n3", "wwn-half", ref("web-1"), "writing");
    await store.keepDisk("n2", "wwn-other", ref("db-1"), "installed");
    await store.releaseDisks("web-1", "n2");
    expect(await store.diskRecord("n2", "wwn-2")).toEqual({ instance: "web-1", state: "released" });
    expect(await store.diskRecord("n3", "wwn-half")).toEqual({ instance: "web-1", state: "released" });
    // An earlier web-1 was deleted with `keep`, and runs on n1 to this day.
    expect(await store.diskRecord("n1", "wwn-kept")).toEqual({ instance: "web-1", state: "installed" });
    expect(await store.diskRecord("n2", "wwn-other")).toMatchObject({ state: "installed" });
    expect(await store.diskRecord("n1", "wwn-2")).toBeUndefined();
  });
});

describe("records", () => {
  it("come back as they were put, and a patch changes only what it names", async () => {
    const store = await newStore();
    await store.put("nodes", {
      ref: ref("n1"),
      spec: nodeSpec,
      state: { ...nodeSpec, provisionState: "available" },
    });
    await store.patch("nodes", "n1", { provisionState: "active" });
    const again = await reopened();
    const found = await again.get("nodes", "n1");
    expect(found?.spec).toEqual(nodeSpec);
    expect(found?.state).toEqual({ ...nodeSpec, provisionState: "active" });
    expect(await again.get("flavors", "n1")).toBeUndefined();
  });
  it("that were removed are gone for their owner only, until they are declared again", async () => {
    const store = await newStore();
    await store.put("flavors", { ref: ref("f"), spec: {}, state: {} });
    expect(await store.wasDropped("flavors", ref("f"))).toBe(false);
    await store.drop("flavors", ref("f"));
    await store.drop("flavors", ref("f"));
    expect(await store.get("flavors", "f")).toBeUndefined();
    expect(await store.wasDropped("flavors", ref("f"))).toBe(true);
    expect(await store.wasDropped("flavors", ref("f", "org/shop/copy"))).toBe(false);
    expect(await store.wasDropped("images", ref("f"))).toBe(false);
    await store.put("flavors", { ref: ref("f"), spec: {}, state: {} });
    expect(await store.wasDropped("flavors", ref("f"))).toBe(false);
  });
  it("keep the site's id over a restart", async () => {
    const { siteId } = await newStore();
    expect((await reopened()).siteId).toBe(siteId);
  });
  it("of controllers can be forgotten", async () => {
    const store = await newStore();
    await store.remember("bmc:623", "cipher", "17");
    await store.remember("bmc:623", "cipher", "3");
    expect(await store.recall("bmc:623", "cipher")).toBe("3");
    await store.remember("bmc:623", "cipher", undefined);
    expect(await store.recall("bmc:623", "cipher")).toBeUndefined();
  });
});

describe("the journal", () => {
  it("tells the steps that did something, in order, of one deployment", async () => {
    const store = await newStore();
    const end = (step: string, result: "done" | "met" | "failed") =>
      store.end("d-1", step, { result, seconds: 1.5 });
    await store.begin("d-1", "fetch image");
    await end("fetch image", "done");
    await end("power off", "met");
    await store.end("d-2", "write", { result: "done", seconds: 1 });
    await end("write", "failed");
    await end("write", "done");
    const timeline = await store.timeline("d-1");
    expect(timeline.map(({ step, seconds }) => [step, seconds])).toEqual([
      ["fetch image", 1.5],
      ["write", 1.5],
    ]);
  });
});

describe("secrets", () => {
  it("lie in no file of the store in clear, while it is open or after", async () => {
    const store = await newStore();
    await store.put("nodes", {
      ref: ref("n1"),
      spec: nodeSpec,
      state: { ...nodeSpec, provisionState: "available" },
    });
    await store.patch("nodes", "n1", { provisionState: "active" });
    await store.keepDeployment({ instance: "web-1", node: "n1", record: { id: "d-1", key: "PLANTED-key" } });
    const search = async () => {
      const files = await readdir(folder);
      const texts = await Promise.all(
        files.map(async (file) => [file, await readFile(join(folder, file), "latin1")]),
      );
      expect(files.length).toBeGreaterThan(1);
      expect(texts.filter(([, text]) => text?.includes("PLANTED")).map(([file]) => file)).toEqual([]);
      // What is no secret is found: the search would see it.
      expect(texts.some(([, text]) => text?.includes("10.0.0.1"))).toBe(true);
    };
    await search();
    await open.pop()?.close();
    await search();
    const again = await newStore();
    expect((await again.get("nodes", "n1"))?.spec).toEqual(nodeSpec);
    expect((await again.deployment("web-1"))?.record.key).toBe("PLANTED-key");
    expect((await again.deploymentById("d-1"))?.instance).toBe("web-1");
    expect((await stat(join(folder, "key"))).mode & 0o777).toBe(0o600);
  });
  it("are not opened with another key", async () => {
    const store = await newStore();
    await store.put("nodes", { ref: ref("n1"), spec: nodeSpec, state: {} });
    await open.pop()?.close();
    await writeFile(join(folder, "key"), Buffer.alloc(32, 7).toString("base64"));
    // Said with a code, or at least refused: never taken for text.
    const reading = openStore(folder).then(async (other) => {
      open.push(other);
      return other.get("nodes", "n1");
    });
    await expect(reading).rejects.toThrow();
  });
  it("of a store whose key is lost are not covered by a new key in silence", async () => {
    const store = await newStore();
    await store.put("nodes", { ref: ref("n1"), spec: nodeSpec, state: {} });
    await open.pop()?.close();
    await rm(join(folder, "key"));
    await expect(newStore()).rejects.toMatchObject({ code: "STORE_KEY_LOST" });
    expect(await readdir(folder)).not.toContain("key");
  });
});

describe("a store that was closed", () => {
  it("is whole in its one file, with nothing beside it", async () => {
    const store = await newStore();
    await store.remember("bmc", "suite", "17");
    await open.pop()?.close();
    const [copy, from] = [join(folder, "copy"), join(folder, "site.db")];
    await mkdir(copy);
    await copyFile(from, join(copy, "site.db"));
    const database = new Database(join(copy, "site.db"));
    expect(database.prepare("SELECT value FROM memory").all()).toEqual([{ value: "17" }]);
    database.close();
  });
});

describe("the store's format", () => {
  it("of a newer version is refused, and left as it is", async () => {
    await newStore();
    await open.pop()?.close();
    const file = join(folder, "site.db");
    const database = new Database(file);
    database.exec("PRAGMA user_version = 99");
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)"); // whoever opens it next would do that
    database.close();
    const before = await readFile(file);
    const refusal: { record: ErrorRecord } = await openStore(folder).then(
      () => Promise.reject(new Error("it was opened")),
      (error) => error,
    );
    expect(refusal.record).toMatchObject({ code: "STORE_NEWER" });
    expect(refusal.record.text).toContain("99");
    expect(await readFile(file)).toEqual(before);
  });
});

describe("the lock of a state folder", () => {
  it("is one's own until it is let go", () => {
    const lock = lockStore(folder);
    expect(() => lockStore(folder)).toThrow(/STORE_IN_USE/);
    lock.release();
    lockStore(folder).release();
  });
});

describe("a store that another process is about to let go", () => {
  it("is opened as soon as it is free", async () => {
    const other = await mkdtemp(join(tmpdir(), "store-"));
    const hold = `const Database = require("libsql");
      const database = new Database(${JSON.stringify(join(other, "site.db"))}, { timeout: 5000 });
      database.exec("BEGIN EXCLUSIVE");
      console.log("held");
      setTimeout(() => process.exit(), 1000);`;
    const holder = execa(process.execPath, ["-e", hold], { cwd: process.cwd() });
    await once(holder.stdout, "data");
    const opened = await openStore(other);
    expect(await opened.all("nodes")).toEqual([]);
    await opened.close();
    await holder;
    await rm(other, { recursive: true });
  }, 30_000);
});
