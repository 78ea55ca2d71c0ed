import { createSocket } from "node:dgram";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import Database from "libsql";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { lineLogger } from "../../provider/kernel/log.ts";
import { launchOf } from "../../provider/launch.ts";
import { connectEmbedded } from "../../provider/site/embedded.ts";
import { lockStore } from "../../provider/site/local/lock.ts";
import { SiteSettings, socketOf } from "../../provider/site/settings.ts";
import { owner, specs } from "../fixtures/site-parts.ts";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const launch = launchOf(process.execPath, ["--import", tsx]);
let folder = "";
const pids = new Set<number>();
const words: string[] = [];
const ctx = newContext({ log: lineLogger((line) => words.push(line)) });

const settingsOf = (more: object = {}) =>
  SiteSettings.parse({ stateDir: join(folder, "state"), cacheDir: join(folder, "cache"), ...more });
async function connect(more: object = {}, how: Partial<typeof launch> = {}) {
  const site = await connectEmbedded(ctx, settingsOf(more), { ...launch, ...how });
  const about = await site.about(ctx);
  pids.add(about.pid);
  return { site, ...about };
}
const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};
const gone = (pid: number) => vi.waitFor(() => expect(isGone(pid)).toBe(true), 5_000);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "embedded-"));
  words.length = 0;
});
afterEach(async () => {
  for (const pid of pids) if (!isGone(pid)) process.kill(pid, "SIGKILL");
  await Promise.all([...pids].map(gone));
  pids.clear();
  await rm(folder, { recursive: true });
});

it("whose folder cannot be made is refused in words", async () => {
  const stateDir = "/dev/null/state";
  await expect(connect({ stateDir })).rejects.toMatchObject({
    code: "HELPER_NO_FOLDER",
    message: expect.stringContaining(stateDir),
  });
});

/** A request that takes long: it enrols a node whose controller never says a word. */
async function busy(site: Awaited<ReturnType<typeof connect>>["site"]) {
  const bmc = createSocket("udp4");
  const asked = new Promise((resolve) => bmc.once("message", resolve));
  await new Promise<void>((resolve) => bmc.bind(0, "127.0.0.1", resolve));
  const spec = specs.node("127.0.0.1");
  const controller = new AbortController();
  const node = { ...spec, power: { ...spec.power, port: bmc.address().port } };
  const outcome = site.nodes
    .ensure(newContext({ signal: controller.signal }), { owner, name: "n1" }, node)
    .catch((error) => error);
  const early = outcome.then((error) => Promise.reject(error));
  await Promise.race([asked, early]);
  early.catch(() => {});
  return {
    outcome,
    async end() {
      controller.abort(new Error("enough"));
      await outcome;
      bmc.close();
    },
  };
}

describe("the embedded helper", () => {
  it("is started once, and a second client shares it", async () => {
    const first = await connect();
    const second = await connect();
    expect(second.pid).toBe(first.pid);
    expect(first.pid).not.toBe(process.pid);
    expect(second.siteId).toBe(first.siteId);
    expect((await stat(socketOf(settingsOf().stateDir))).mode & 0o777).toBe(0o600);
    expect((await stat(settingsOf().stateDir)).mode & 0o777).toBe(0o700);
    await first.site.flavors.ensure(ctx, { owner, name: "f" }, specs.flavor);
    expect(await second.site.flavors.list(ctx)).toMatchObject([{ name: "f" }]);
  });

  it("is one, however many ask at once", async () => {
    const all = await Promise.all([connect(), connect(), connect()]);
    expect(new Set(all.map(({ pid }) => pid)).size).toBe(1);
    const read = () => readFile(join(settingsOf().stateDir, "helper.log"), "utf8");
    // A slow loser that finds the store free after this test would serve on.
    await vi.waitFor(
      async () => expect((await read()).match(/FAILED .*STORE_IN_USE/g)).toHaveLength(2),
      20_000,
    );
    const log = await read();
    expect(log.match(/the deploy helper listens/g)).toHaveLength(1);
  });

  it("does not carry the passphrase of the stack that started it", async () => {
    vi.stubEnv("PULUMI_CONFIG_PASSPHRASE", "PLANTED-passphrase");
    const { pid } = await connect();
    vi.unstubAllEnvs();
    expect(await readFile(`/proc/${pid}/environ`, "utf8")).not.toContain("PLANTED");
  });

  it("gives way, idle, to one of another version, and to one with other settings", async () => {
    const old = await connect();
    const newer = await connect({}, { version: "99.0.0" });
    expect(newer.pid).not.toBe(old.pid);
    await gone(old.pid);
    expect(newer.siteId).toBe(old.siteId);
    const other = await connect({ callbackPort: 10_001 });
    expect(other.pid).not.toBe(newer.pid);
    await gone(newer.pid);
  });

  it("that is busy is used by another version, with a word, and refused to other settings", async () => {
    const old = await connect();
    const work = await busy(old.site);
    const newer = await connect({}, { version: "99.0.0" });
    expect(newer.pid).toBe(old.pid);
    expect(words.join()).toContain("it is replaced by 99.0.0 when it is idle");
    await expect(connect({ callbackPort: 10_001 })).rejects.toMatchObject({ code: "HELPER_OTHER_SETTINGS" });
    expect(isGone(old.pid)).toBe(false);
    await work.end();
    await vi.waitFor(
      async () => expect((await connect({ callbackPort: 10_001 })).pid).not.toBe(old.pid),
      20_000,
    );
  });

  it("ends when it was idle, and is there again for a client that still has its site", async () => {
    const { site, pid, siteId } = await connect({ idle: "500 ms" });
    await site.flavors.ensure(ctx, { owner, name: "f" }, specs.flavor);
    await gone(pid);
    await expect(stat(socketOf(settingsOf().stateDir))).rejects.toMatchObject({ code: "ENOENT" });
    expect(await site.flavors.list(ctx)).toMatchObject([{ name: "f" }]);
    const again = await connect({ idle: "500 ms" });
    expect(again).toMatchObject({ siteId });
    expect(again.pid).not.toBe(pid);
  });

  it("killed in the middle of a request is told to be gone, and started again by the next", async () => {
    const { site, pid } = await connect();
    const work = await busy(site);
    process.kill(pid, "SIGKILL");
    expect(await work.outcome).toMatchObject({ code: "HELPER_GONE", retry: true });
    await gone(pid);
    expect(await site.nodes.list(ctx)).toEqual([]);
    expect((await connect()).pid).not.toBe(pid);
    await work.end();
  });

  it("waits for another one to let the store go that listens no more", async () => {
    const { stateDir } = settingsOf();
    const lock = lockStore(stateDir);
    setTimeout(lock.release, 1_500);
    const started = Date.now();
    const { pid } = await connect();
    expect(isGone(pid)).toBe(false);
    expect(Date.now() - started).toBeGreaterThan(1_400);
  });
});

describe("a helper that does not start", () => {
  it("is told with its own words", async () => {
    const { pid } = await connect();
    process.kill(pid, "SIGTERM");
    await gone(pid);
    const database = new Database(join(settingsOf().stateDir, "site.db"));
    database.exec("PRAGMA user_version = 99");
    database.close();
    const error = await connect().catch((reason) => reason);
    expect(error).toMatchObject({ code: "HELPER_NOT_STARTED" });
    expect(error.message).toContain("the store has format 99");
    expect(error.message).toContain("helper.log");
  });
  it("is told at once when it ends without a word, or is not there", async () => {
    const started = Date.now();
    const mute = connect({}, { file: "sh", args: ["-c", "echo last words; exit 1"] });
    await expect(mute).rejects.toMatchObject({
      code: "HELPER_NOT_STARTED",
      message: expect.stringContaining("last words"),
    });
    await expect(connect({}, { file: "/no/such/node" })).rejects.toMatchObject({ code: "PROGRAM_MISSING" });
    expect(Date.now() - started).toBeLessThan(5_000);
  });
});
