import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { lockStore } from "../../provider/site/local/lock.ts";
import { openStore } from "../../provider/site/local/store/index.ts";
import { asSite, commandLine } from "../fixtures/command-line.ts";
import { type FakeSite, openFakeSite, ref, specs } from "../fixtures/site-parts.ts";

let site: FakeSite;
let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-store-"));
  site = await openFakeSite();
  await site.nodes.ensure(site.ctx, ref("n1"), specs.node("10.0.0.1"));
});
afterEach(async () => {
  await site.close();
  await rm(folder, { recursive: true });
});
const run = (...words: readonly string[]) =>
  commandLine({ cwd: folder, site: () => asSite(site) }).run("store", ...words);
const restore = (...words: readonly string[]) =>
  run("restore", "backup", "--state-dir", join(folder, "state"), ...words);
const inState = () => readdir(join(folder, "state")).then((names) => names.sort());

// libsql lets a database's files go only when its handle is collected: a store is never opened where it is moved about.

/** What the store in a folder declares. */
async function names(stateDir = join(folder, "state")): Promise<readonly string[]> {
  const copy = await mkdtemp(join(folder, "look-"));
  await cp(stateDir, copy, { recursive: true });
  const store = await openStore(copy);
  try {
    return (await store.all("nodes")).map((record) => record.ref.name);
  } finally {
    await store.close();
  }
}

/** A store of another site in the state folder. */
async function another(): Promise<void> {
  const store = await openStore(await mkdtemp(join(folder, "other-")));
  await store.put("nodes", { ref: ref("other"), spec: specs.node("10.0.0.9"), state: {} });
  await store.backup(join(folder, "state"));
  await store.close();
}

describe("store backup", () => {
  it("fills the folder that is named, from where one stands", async () => {
    const { out } = await run("backup", "backup");
    expect(out).toContain(join(folder, "backup"));
    expect(out).toContain("the key to its passwords");
    expect((await stat(join(folder, "backup"))).mode & 0o777).toBe(0o700);
    const again = await run("backup", "backup");
    expect(again).toMatchObject({ code: "STORE_BACKUP_FOLDER", out: "" });
    const json = JSON.parse((await run("backup", "second", "--json")).out);
    expect(json).toEqual({ folder: join(folder, "second"), bytes: expect.any(Number) });
  });

  it("of a site on another host fills a folder there, and refuses a path from where one stands here", async () => {
    const far = ["--site", "ssh://me@boothost"];
    const { code, err } = await run("backup", "backup", ...far);
    expect({ code, err }).toMatchObject({ code: "BACKUP_ELSEWHERE" });
    const { out } = await run("backup", join(folder, "there"), ...far);
    expect(out).toContain(`${join(folder, "there")}, a folder there, at ssh://me@boothost (`);
  });
});

describe("store restore", () => {
  beforeEach(() => run("backup", "backup"));

  it("puts the backup where no store is, for its owner's eyes only", async () => {
    const { out } = await restore();
    expect(out).toContain(`site ${site.store.siteId}, 1 record.`);
    expect(await names()).toEqual(["n1"]);
    expect((await inState()).filter((name) => /^(restoring|replaced)/.test(name))).toEqual([]);
    for (const [name, mode] of [
      ["", 0o700],
      ["key", 0o600],
      ["site.db", 0o600],
    ] as const)
      expect((await stat(join(folder, "state", name))).mode & 0o777).toBe(mode);
    expect(await readdir(join(folder, "backup"))).toHaveLength(2);
  });

  it("replaces a store only when that is said, and moves it aside whole", async () => {
    await another();
    const before = await inState();
    expect(await restore()).toMatchObject({ code: "STORE_WOULD_REPLACE", out: "" });
    expect(await names()).toEqual(["other"]);
    expect((await inState()).filter((name) => name !== "lock.db")).toEqual(before);
    const { out } = await restore("--replace", "--json");
    const { aside } = JSON.parse(out) as { aside: string };
    expect(aside).toMatch(/state\/replaced-\d{8}T\d{6}Z-\w+$/);
    expect(await names()).toEqual(["n1"]);
    expect(await names(aside)).toEqual(["other"]);
    expect((await stat(aside)).mode & 0o777).toBe(0o700);
  });

  it("leaves out what the site was busy with then: no service may go on with it now", async () => {
    const request = { verb: "ensure", ref: ref("web-1"), spec: {}, known: {} } as const;
    await site.store.keepRequest("instances/web-1", request);
    await run("backup", "later");
    await run("restore", "later", "--state-dir", join(folder, "state"));
    expect(await names()).toEqual(["n1"]);
    const restored = await openStore(join(folder, "state"));
    expect([await site.store.requests(), await restored.requests()]).toEqual([
      [{ key: "instances/web-1", request }],
      [],
    ]);
    await restored.close();
  });

  it("is refused while a helper is at work on the store", async () => {
    const lock = lockStore(join(folder, "state"));
    onTestFinished(() => lock.release());
    expect(await restore("--replace")).toMatchObject({ code: "STORE_IN_USE", out: "" });
    expect((await inState()).filter((name) => !name.startsWith("lock.db"))).toEqual([]);
  });

  it.for([
    {
      what: "is not there",
      spoil: () => rm(join(folder, "backup"), { recursive: true }),
      code: "STORE_BACKUP_BAD",
    },
    { what: "has no key", spoil: () => rm(join(folder, "backup/key")), code: "STORE_BACKUP_BAD" },
    {
      what: "has another store's key",
      spoil: () => writeFile(join(folder, "backup/key"), Buffer.alloc(32, 7).toString("base64")),
      code: "STORE_BACKUP_BAD",
    },
    {
      what: "is no store",
      spoil: () => writeFile(join(folder, "backup/site.db"), "no database ".repeat(100)),
      code: "STORE_BACKUP_BAD",
    },
    { what: "was cut off", spoil: () => cut(join(folder, "backup/site.db")), code: "STORE_BACKUP_BAD" },
    {
      what: "is of a newer version",
      spoil: async () => {
        const database = new Database(join(folder, "backup/site.db"));
        database.exec("PRAGMA user_version = 99");
        database.close();
      },
      code: "STORE_NEWER",
    },
  ])("of a backup that $what is refused with nothing replaced", async ({ spoil, code }) => {
    await spoil();
    await another();
    expect(await restore("--replace")).toMatchObject({ code, out: "" });
    expect(await names()).toEqual(["other"]);
    expect((await inState()).filter((name) => /^(restoring|replaced)/.test(name))).toEqual([]);
  });

  it("leaves what else lies in the state folder as it is", async () => {
    await another();
    await mkdir(join(folder, "state/tftp"));
    await writeFile(join(folder, "state/tftp/pxelinux.0"), "boot");
    await restore("--replace");
    expect(await readFile(join(folder, "state/tftp/pxelinux.0"), "utf8")).toBe("boot");
  });

  it("brings along what SQLite had beside the old store", async () => {
    const busy = await mkdtemp(join(folder, "busy-"));
    const open = await openStore(busy);
    await open.put("nodes", { ref: ref("late"), spec: specs.node("10.0.0.8"), state: {} });
    // As after a crash: the last records are in the log, not in the file.
    await cp(busy, join(folder, "crashed"), { recursive: true });
    await open.close();
    const { out } = await run(
      "restore",
      "backup",
      "--state-dir",
      join(folder, "crashed"),
      "--replace",
      "--json",
    );
    expect(await names((JSON.parse(out) as { aside: string }).aside)).toEqual(["late"]);
    expect(await names(join(folder, "crashed"))).toEqual(["n1"]);
  });
});

async function cut(file: string): Promise<void> {
  const whole = await readFile(file);
  await writeFile(file, whole.subarray(0, whole.length / 2));
}
