import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { execa } from "execa";
import Database from "libsql";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { launchOf } from "../../provider/launch.ts";
import { connectEmbedded } from "../../provider/site/embedded.ts";
import { SiteSettings } from "../../provider/site/settings.ts";
import { specs } from "../fixtures/site-parts.ts";
import { type IpmiSim, startIpmiSim } from "./power/ipmi-sim.ts";

const tsx = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
const main = fileURLToPath(new URL("../../provider/main.ts", import.meta.url));
const password = "PLANTED-password";
const owner = "org/shop/prod";
const ctx = newContext();
let folder = "";
let bmc: IpmiSim | undefined;
/** All that was printed, in every test. */
const said: string[] = [];

/** The real program, as a person runs it, for the site of a folder. */
async function run(state: string, ...words: readonly string[]) {
  // Asked for, and forbidden by nobody: Node warns on stderr where both are set.
  const colour = { FORCE_COLOR: "1", NO_COLOR: undefined };
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ["--import", tsx, main, ...words, "--state-dir", join(folder, state)],
    { cwd: folder, env: { XDG_CACHE_HOME: join(folder, "cache"), ...colour }, reject: false },
  );
  said.push(stdout, stderr);
  return { exitCode, stdout, stderr };
}
async function json(state: string, ...words: readonly string[]): Promise<unknown> {
  const { exitCode, stdout, stderr } = await run(state, ...words, "--json");
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout);
}

/** Helpers whose command line names this test's folder: all that we may have started. */
async function helpers(): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0);
  const lines = await Promise.all(
    pids.map(async (pid) => [pid, await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")] as const),
  );
  return lines.filter(([, line]) => line.includes(folder)).map(([pid]) => pid);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-"));
  bmc = await startIpmiSim({ users: [{ name: "admin", password, privilege: "operator" }] });
  // A stack has been here, with settings of its own, which the command line is not told.
  const settings = SiteSettings.parse({
    stateDir: join(folder, "state"),
    cacheDir: join(folder, "cache"),
    callbackPort: 10_001,
  });
  const site = await connectEmbedded(ctx, settings, launchOf(process.execPath, ["--import", tsx]));
  const spec = specs.node("127.0.0.1");
  const power = { ...spec.power, port: bmc.port, password };
  await site.nodes.ensure(ctx, { owner, name: "n1" }, { ...spec, power });
});
afterAll(async () => {
  for (const pid of await helpers()) process.kill(pid, "SIGTERM");
  await vi.waitFor(async () => expect(await helpers()).toEqual([]), 10_000);
  await bmc?.stop();
  await rm(folder, { recursive: true });
});

describe("the command line", () => {
  it("uses the helper that is there, whatever its settings, and replaces none", async () => {
    const before = await helpers();
    expect(before).toHaveLength(1);
    const { exitCode, stdout, stderr } = await run("state", "nodes", "list");
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout.split("\n")[1]).toMatch(/^n1 +available +off +127\.0\.0\.1:\d+ /);
    expect(await helpers()).toEqual(before);
  });

  it("shows one server, for people and for programs", async () => {
    const { stdout } = await run("state", "nodes", "show", "n1");
    expect(stdout).toMatch(/^power\.password +\[secret\]$/m);
    expect(await json("state", "nodes", "show", "n1")).toMatchObject({
      ...{ name: "n1", owner, provisionState: "available" },
      power: { user: "admin", password: "[secret]" },
    });
    for (const noun of ["nodes", "instances", "images"])
      expect(await json("state", noun, "list")).toEqual(noun === "nodes" ? [expect.anything()] : []);
  });

  it("begins and ends a maintenance", async () => {
    await run("state", "nodes", "maintenance", "n1", "--on", "new fan");
    expect((await run("state", "nodes", "list")).stdout).toContain("available, maintenance: new fan");
    expect(await json("state", "nodes", "maintenance", "n1", "--off")).toEqual({
      node: "n1",
      maintenanceReason: "",
    });
    expect((await run("state", "nodes", "list")).stdout).not.toContain("maintenance");
  });

  it("ends with 1 and the failure on stderr, without a stack", async () => {
    for (const [words, says] of [
      [["nodes", "show", "n9"], /^there is no Node n9 on this site\. .* \[SITE_UNKNOWN_REFERENCE\]$/],
      [["nodes", "lst"], /^error: unknown command 'lst'/],
      [["store", "restore", "nowhere", "--replace"], /\[STORE_BACKUP_BAD\]$/],
    ] as const) {
      const { exitCode, stdout, stderr } = await run("state", ...words);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).toMatch(says);
      expect(stderr).not.toMatch(/^ +at /m);
    }
  });

  it("ends without a word when it is interrupted", async () => {
    await mkdir(join(folder, "mute"));
    const mute = createServer();
    await new Promise<void>((resolve) => mute.listen(join(folder, "mute", "helper.sock"), resolve));
    const asking = execa(
      process.execPath,
      ["--import", tsx, main, "nodes", "list", "--state-dir", join(folder, "mute")],
      { reject: false },
    );
    const [connection] = (await once(mute, "connection")) as [Socket];
    asking.kill("SIGINT");
    expect(await asking).toMatchObject({ exitCode: 130, stdout: "", stderr: "" });
    connection.destroy();
    mute.close();
  });

  it("backs a site up while it works, and restores it elsewhere only where nobody works", async () => {
    const backup = (await json("state", "store", "backup", "backup")) as { folder: string };
    expect(backup.folder).toBe(join(folder, "backup"));
    const refused = await run("state", "store", "restore", "backup", "--replace");
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("[STORE_IN_USE]") });
    const { stdout } = await run("other", "store", "restore", "backup");
    expect(stdout).toContain("1 record.");
    expect(await json("other", "nodes", "list")).toMatchObject([{ name: "n1", owner }]);
  });

  it("frees a server that was set aside", async () => {
    const database = new Database(join(folder, "backup", "site.db"));
    database.exec(
      `UPDATE records SET state = json_set(state, '$.provisionState', 'deploy failed', '$.lastError', 'the disk died. Mend it. [X]')`,
    );
    database.close();
    await run("third", "store", "restore", "backup");
    expect((await run("third", "nodes", "list")).stdout).toMatch(/^n1 +deploy failed .* the disk died$/m);
    expect((await run("third", "nodes", "reset", "n1")).stdout).toBe("n1 is available again.");
    expect(await json("third", "nodes", "show", "n1")).toMatchObject({
      provisionState: "available",
      lastError: "",
    });
  });

  it("hands a stack's things over to its new name", async () => {
    const { stdout } = await run("third", "owner", "move", owner, "org/shop/live");
    expect(stdout).toContain("1 thing of org/shop/prod now belongs to org/shop/live");
    expect(await json("third", "nodes", "list")).toMatchObject([{ owner: "org/shop/live" }]);
  });

  it("completes the names of the servers of a helper that listens, and starts none", async () => {
    const before = await helpers();
    const complete = (...words: readonly string[]) =>
      execa(process.execPath, ["--import", tsx, main, "complete", "--", ...words], { cwd: folder });
    const { stdout } = await complete("nodes", "show", "--state-dir", "state", "n");
    expect(stdout).toBe("n1\tits name");
    expect((await complete("nodes", "show", "--state-dir", "nobody", "")).stdout).toBe("");
    expect(await helpers()).toEqual(before);
    expect(await readdir(folder)).not.toContain("nobody");
  });

  it("has printed no secret and no colour in all this, and runs no longer", async () => {
    expect(said.length).toBeGreaterThan(20);
    const all = said.join("\n");
    expect(all).toContain("127.0.0.1");
    expect(all).not.toContain("PLANTED");
    expect(all).not.toContain("\u001b");
    const lines = await Promise.all((await helpers()).map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8")));
    // What runs on are the helpers, one for each site, which end when they are idle.
    expect(lines.filter((line) => !line.includes("\0helper\0"))).toEqual([]);
    expect(lines).toHaveLength(3);
  });
});
