import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { asSite, commandLine } from "../fixtures/command-line.ts";
import { type FakeSite, openFakeSite, owner, ref, specs } from "../fixtures/site-parts.ts";

let site: FakeSite;
beforeEach(async () => {
  site = await openFakeSite();
  for (const [name, address] of [
    ["n1", "10.0.0.1"],
    ["n2", "10.0.0.2"],
  ] as const) {
    const spec = specs.node(address);
    const power = { ...spec.power, password: "PLANTED-password" };
    await site.nodes.ensure(site.ctx, ref(name), { ...spec, power });
  }
});
afterEach(async () => {
  await site.close();
});
const run = (...words: readonly string[]) => commandLine({ site: () => asSite(site) }).run(...words);
const nodeIn = async (name: string) => (await site.store.get("nodes", name))?.state ?? {};

describe("nodes list", () => {
  it("tells where each server is, who holds it, and what went wrong", async () => {
    const lastError = "the disk stalled. Look at it. [X]";
    await site.store.patch("nodes", "n1", { provisionState: "deploy failed", serial: "S1", lastError });
    await site.store.patch("nodes", "n2", { assignedInstance: "web-1", maintenanceReason: "new fan" });
    const { out } = await run("nodes", "list");
    expect(out.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["NAME", "STATE", "POWER", "CONTROLLER", "SERIAL", "INSTANCE", "LAST ERROR"],
      ["n1", "deploy failed", "off", "10.0.0.1:623", "S1", "-", "the disk stalled"],
      ["n2", "available, maintenance: new fan", "off", "10.0.0.2:623", "-", "web-1"],
      [""],
    ]);
  });

  it("fits the terminal", async () => {
    await site.store.patch("nodes", "n1", {
      maintenanceReason: "a reason that takes far more than one line of it",
    });
    const { out } = await commandLine({ site: () => asSite(site), columns: 90 }).run("nodes", "list");
    expect(out).toContain("available, maintenance: a reason");
    expect(Math.max(...out.split("\n").map(({ length }) => length))).toBeLessThanOrEqual(90);
  });

  it("tells what the program says of a server, too", async () => {
    const more = { maintenance: true, abandon: true };
    const spec = { ...specs.node("10.0.0.1"), ...more };
    await site.store.put("nodes", { ref: ref("n1"), spec, state: { provisionState: "active" } });
    expect((await run("nodes", "list")).out).toContain("active, maintenance, abandoned");
  });

  it("prints JSON for programs, with the owner and without secrets", async () => {
    const { out } = await run("nodes", "list", "--json");
    expect(JSON.parse(out)).toMatchObject([
      { name: "n1", owner, power: { address: "10.0.0.1", password: "[secret]" } },
      { name: "n2" },
    ]);
    expect(out).not.toContain("PLANTED");
  });

  it("says so in words when there is none, and prints an empty list", async () => {
    const empty = await openFakeSite();
    const { run: ask } = commandLine({ site: () => asSite(empty) });
    expect((await ask("nodes", "list")).out).toBe("There are no nodes on this site.\n");
    expect(JSON.parse((await ask("nodes", "list", "--json")).out)).toEqual([]);
    await empty.close();
  });
});

describe("nodes show", () => {
  it("tells all of one server, its passwords masked", async () => {
    const { out } = await run("nodes", "show", "n1");
    expect(out).toMatch(/^power\.address +10\.0\.0\.1$/m);
    expect(out).toMatch(/^power\.password +\[secret\]$/m);
    expect(out).toMatch(/^provisionState +available$/m);
    expect(out).not.toContain("PLANTED");
    const json = await run("nodes", "show", "n1", "--json");
    expect(JSON.parse(json.out)).toMatchObject({ name: "n1", power: { password: "[secret]" } });
  });

  it("refuses a name that nobody has", async () => {
    expect(await run("nodes", "show", "n9")).toMatchObject({ code: "SITE_UNKNOWN_REFERENCE", out: "" });
  });
});

describe("nodes reset", () => {
  it("frees a server that was set aside, and says where another one stays", async () => {
    await site.store.patch("nodes", "n1", { provisionState: "deploy failed", lastError: "why" });
    await site.store.patch("nodes", "n2", { provisionState: "active" });
    expect((await run("nodes", "reset", "n1")).out).toBe("n1 is available again.\n");
    expect((await run("nodes", "reset", "n2")).out).toContain("it stays active");
    expect(await nodeIn("n1")).toMatchObject({ provisionState: "available", lastError: "" });
    expect(JSON.parse((await run("nodes", "reset", "n1", "--json")).out)).toMatchObject({ changed: false });
  });
});

describe("nodes maintenance", () => {
  it("begins with a reason, and ends", async () => {
    expect((await run("nodes", "maintenance", "n1", "--on", "new fan")).out).toContain(
      "in maintenance: new fan",
    );
    expect(await nodeIn("n1")).toMatchObject({ maintenanceReason: "new fan" });
    expect((await run("nodes", "maintenance", "n1", "--off")).out).toContain("not in maintenance");
    expect(await nodeIn("n1")).toMatchObject({ maintenanceReason: "" });
  });

  it.for([
    { words: [], says: "give --on REASON, or --off" },
    { words: ["--on", ""], says: "give --on REASON, or --off" },
    { words: ["--on"], says: "argument missing" },
    { words: ["--on", "x", "--off"], says: "cannot be used with option" },
  ])("with $words is bad usage, and changes nothing", async ({ words, says }) => {
    const { err, code } = await run("nodes", "maintenance", "n1", ...words);
    expect(err).toContain(says);
    expect(code).toMatch(/^commander\./);
    expect(await nodeIn("n1")).not.toHaveProperty("maintenanceReason", "x");
  });
});

describe("owner move", () => {
  it("hands over and says what comes next", async () => {
    const { out } = await run("owner", "move", owner, "org/shop/live");
    expect(out).toContain(`2 things of ${owner} now belong to org/shop/live`);
    expect(out).toContain("pulumi up");
    expect(await site.store.owners()).toEqual(["org/shop/live"]);
    const again = await run("owner", "move", owner, "org/shop/live");
    expect(again).toMatchObject({ code: "SITE_OWNER_UNKNOWN" });
  });

  it("takes owners only as they are written", async () => {
    const { err, code } = await run("owner", "move", owner, "live");
    expect(err).toContain("ORGANISATION/PROJECT/STACK");
    expect(code).toBe("commander.invalidArgument");
    expect(await site.store.owners()).toEqual([owner]);
  });
});

describe("nodes rehearse", () => {
  const rack = async () => {
    await site.interfaces.ensure(site.ctx, ref("n1-eth0"), specs.card("n1", "52:54:00:00:00:01"));
    site.answerRamdisks();
  };

  it("tells what the server is and what would be in the way, and the stages meanwhile", async () => {
    await rack();
    const { out, err } = await run("nodes", "rehearse", "n1");
    expect(out).toContain(
      "n1 was booted from the network, looked at and switched off; nothing was written to it.",
    );
    expect(out).toMatch(/^machine +Acme Anvil 9$/m);
    expect(out).toMatch(
      /^eth0 +52:54:00:00:00:01 +anvil +10000 Mbit\/s +tor-1, Ethernet1\/7 +from this one$/m,
    );
    expect(out).toMatch(/^sda +37.3 GiB +M +D-1 +0x5000c50000000001 +nothing +this one$/m);
    expect(out).toContain("  sda has 37.3 GiB, declared are 100 GB\n");
    expect(out).toContain(
      '  cpus: 4, memory: "8192 MiB", disk: "40 GB", bootMode: "bios", identity: { serial: "SN-1" }\n',
    );
    expect(err.split("\n")).toContain("waiting for the ramdisk");
  });

  it("keeps a report in which nothing names this machine, unless it is asked to", async () => {
    await rack();
    const folder = await mkdtemp(join(tmpdir(), "rehearsal-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "report.json");
    await run("nodes", "rehearse", "n1", "--report", file);
    const text = await readFile(file, "utf8");
    for (const name of [
      "52:54:00:00:00:01",
      "SN-1",
      "D-1",
      "0x5000c5",
      "10.0.0.1",
      "PLANTED",
      "n1",
      "tor-1",
      "rack 1",
    ]) {
      expect(text).not.toContain(name);
    }
    expect(JSON.parse(text)).toMatchObject({
      ...{ "pulumi-baremetal": "1", node: "node-1", driver: "ipmi" },
      machine: { serial: "serial-1", macs: ["mac-1"], chosen: "sda", disks: [{ model: "M", wwn: "disk-2" }] },
      hardware: { product: "Anvil 9", nics: [{ mac: "mac-1", speed: 10_000 }] },
    });
    await run("nodes", "rehearse", "n1", "--report", file, "--addresses");
    expect(await readFile(file, "utf8")).toContain("52:54:00:00:00:01");
    const { err, code } = await run(
      "nodes",
      "rehearse",
      "n1",
      "--report",
      join(folder, "none", "report.json"),
    );
    expect([code, err]).toEqual(["REPORT_NOT_KEPT", expect.stringContaining("came to its end")]);
  });
});
