import { once } from "node:events";
import { readdir, readFile, stat, truncate } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { toBytes } from "../../provider/kernel/units.ts";
import type { State } from "../../provider/site/site.ts";
import type { TestImages } from "../../tools/images/index.ts";
import { expectWhole } from "./installed.ts";
import type { Lab, LabServer, PaperOptions, PaperServer } from "./lab/index.ts";
import { bootWord, type CallChanges, diskOf, type PlayedRamdisk, playRamdisk } from "./played.ts";
import { ipmi } from "./programs.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import {
  bootFilesOf,
  commandsTo,
  enrol,
  install,
  instanceArgs,
  menuOf,
  nameOn,
  stagesOf,
  type TestSite,
} from "./site.ts";

let rack: Rack;
let lab: Lab;
let images: TestImages;
let site: TestSite;

beforeAll(async () => {
  rack = await openRack();
  ({ lab, images, site } = rack);
});

afterAll(() => closeRack(rack, site));

// Starting one costs a second: who leaves a server as it was found leaves it to the next test.
const idle: PaperServer[] = [];
let made = 0;

async function serverFor(options: Partial<PaperOptions>): Promise<PaperServer> {
  const used = Object.keys(options).length === 0 ? idle.pop() : undefined;
  if (used === undefined) {
    made += 1;
    return lab.paper({ name: `paper${made}`, ...options });
  }
  await truncate(used.diskPath(), 0);
  await truncate(used.diskPath(), toBytes("4 GiB"));
  await used.swapSerial(used.serial);
  await used.mishap("none");
  return used;
}

/** A server with a blank disk for one test; what was installed on it is removed with it, and nothing may stay behind. */
async function withServer(
  options: Partial<PaperOptions>,
  body: (server: PaperServer) => Promise<void>,
): Promise<void> {
  const server = await serverFor(options);
  const instance = nameOn(server);
  try {
    await body(server);
    if (site.remembered("instances", instance)) {
      await site.remove("instances", instance);
      expect(await server.isOn()).toBe(false);
    }
    await expectNothingServed(server);
    const card = `${server.name}-eth0`;
    if (site.remembered("interfaces", card)) await site.remove("interfaces", card);
    if (site.remembered("nodes", server.name)) await site.remove("nodes", server.name);
    await server.pull();
  } catch (error) {
    await server.stop();
    throw error;
  }
  if (Object.keys(options).length === 0) idle.push(server);
  else await server.stop();
}

async function expectNothingServed(server: LabServer): Promise<void> {
  expect(await menuOf(site, server)).toBe("");
  expect((await bootFilesOf(site)).filter((path) => path.startsWith(`${nameOn(server)}/`))).toEqual([]);
  const hosts = await readdir(join(site.stateDir, "hosts"));
  expect(hosts).not.toContain(server.mac.replaceAll(":", "-"));
}

/** Changes when a byte is written to the disk. */
async function marksOf(server: LabServer) {
  const { mtimeMs, blocks } = await stat(server.diskPath());
  return { mtimeMs, blocks };
}

/** Run `body`, which must not write to the server's disk. */
async function writingNothing(server: LabServer, body: () => Promise<void>): Promise<void> {
  const before = await marksOf(server);
  await body();
  expect(await marksOf(server)).toEqual(before);
}

const nodeOf = (server: LabServer) => site.observe("nodes", server.name);
const wipesOf = (server: LabServer) =>
  stagesOf(site.progress(nameOn(server))).filter((stage) => stage === "wiping").length;

/** Begin an installation and go on when it has reached a stage; its outcome is awaited later. */
async function reach(
  server: LabServer,
  stage: string,
  args: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly outcome: Promise<State> }> {
  let reached = () => {};
  const there = new Promise<void>((resolve) => {
    reached = resolve;
  });
  const outcome = install(site, server, args, {
    onProgress: (progress) => progress.stage === stage && reached(),
  });
  outcome.catch(() => {});
  await Promise.race([there, outcome]);
  return { outcome };
}

// Each played ramdisk of this file has an address of its own.
let lastAddress = 200;

/** Begin an installation whose ramdisk is played by the test, and go on when it may call. */
async function playing(
  server: PaperServer,
  { target = false, ...args }: Readonly<Record<string, unknown>> & { readonly target?: boolean },
  body: (ramdisk: PlayedRamdisk, outcome: Promise<State>) => Promise<void>,
): Promise<void> {
  await server.mishap("mute");
  const { outcome } = await reach(server, "waiting for the ramdisk", args);
  lastAddress += 1;
  const ramdisk = await playRamdisk({ lab, site, server }, { last: lastAddress, target });
  try {
    await body(ramdisk, outcome);
  } finally {
    await ramdisk.stop();
    await server.mishap("none");
  }
}

describe("a foreign program on port 10000", () => {
  it("is found at preview and named, and without a preview nothing is touched either", async () => {
    const other = createServer().listen(10_000, lab.address);
    await once(other, "listening");
    await withServer({}, async (server) => {
      await enrol(site, server);
      const before = await commandsTo(server);
      await expect(install(site, server)).rejects.toThrow(/node.*\[CALLBACK_PORT_TAKEN\]/s);
      await expect(install(site, server, {}, { unplanned: true })).rejects.toThrow("[CALLBACK_PORT_TAKEN]");
      expect(await commandsTo(server)).toEqual(before);
      other.close();
      await once(other, "close");
      expect(await install(site, server)).toMatchObject({ provisionState: "active" });
    });
  });
});

/** Of no disk that this site has ever written. */
const foreign = { serial: "FOREIGN", byId: "ata-FOREIGN", holds: "LVM2_member" };

describe.concurrent("port 10000", () => {
  it("takes a repeated POST for the same job: one write", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      await playing(server, { target: true, waitFor: "written" }, async (ramdisk, outcome) => {
        const first = await Promise.all([1, 2, 3].map(() => ramdisk.call()));
        const second = await Promise.all([1, 2, 3].map(() => ramdisk.call()));
        expect([...first, ...second].map(({ status }) => status)).toEqual(Array(6).fill(200));
        expect(await outcome).toMatchObject({ provisionState: "active", verified: "full" });
        await ramdisk.done;
        expect(wipesOf(server)).toBe(1);
        await expectWhole(ramdisk.disk, images.whole);
        // The key is void now.
        expect(await ramdisk.call()).toEqual({ status: 400, line: "key is not match" });
      });
    }));

  it("takes another boot of the same server for a new attempt, which ends the older writer", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      await playing(server, { target: true, waitFor: "written" }, async (ramdisk, outcome) => {
        const writes = () =>
          site
            .progress(nameOn(server))
            .some(({ stage, percent }) => stage === "writing" && percent !== undefined);
        await ramdisk.call();
        await expect.poll(writes, { interval: 10, timeout: 30_000 }).toBe(true);
        expect((await ramdisk.call({ machine: { bootId: "another-boot" } })).status).toBe(200);
        expect(await outcome).toMatchObject({ provisionState: "active" });
        expect(wipesOf(server)).toBe(2);
        await expectWhole(ramdisk.disk, images.whole);
      });
    }));

  it("refuses a wrong key and an unknown deployment in the same words, and the deployment goes on", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      await playing(server, { target: true, waitFor: "written" }, async (ramdisk, outcome) => {
        const refused = { status: 400, line: "key is not match" };
        expect(await ramdisk.call({ key: "0".repeat(64) })).toEqual(refused);
        expect(await ramdisk.call({ deployment: "somebody" })).toEqual(refused);
        expect((await ramdisk.call()).status).toBe(200);
        expect(await outcome).toMatchObject({ provisionState: "active" });
      });
    }));

  it("refuses another machine with the right key, and after the first acceptance the deployment goes on", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      await playing(server, { target: true, waitFor: "written" }, async (ramdisk, outcome) => {
        expect((await ramdisk.call()).status).toBe(200);
        const other = await ramdisk.call({ machine: { serial: "OTHER", bootId: "other" } });
        expect(other).toEqual({ status: 400, line: "another machine was accepted for this deployment" });
        expect(await outcome).toMatchObject({ provisionState: "active", serial: server.serial });
        expect(wipesOf(server)).toBe(1);
      });
    }));

  it("fails the deployment when the first answer is another machine's, whatever differs", () =>
    withServer({}, async (server) => {
      await enrol(site, server, { identity: { productUuid: server.uuid } });
      const others: readonly (readonly [string, CallChanges["machine"] & object])[] = [
        ["serial", { serial: "SN-OTHER" }],
        ["UUID", { productUuid: "11111111-2222-4333-8444-555555555555" }],
        ["MAC", { macs: ["52:54:00:99:99:99"] }],
      ];
      for (const [what, machine] of others) {
        await playing(server, { target: true }, async (ramdisk, outcome) => {
          const { status, line } = await ramdisk.call({ machine });
          expect(status, what).toBe(400);
          expect(line).toContain("this is another machine");
          await expect(outcome, what).rejects.toThrow(/another one: its .*\[DEPLOY_OTHER_MACHINE\]/s);
          const { blocks } = await stat(ramdisk.disk);
          expect(blocks).toBe(0);
        });
        expect(await server.isOn()).toBe(false);
        await expectNothingServed(server);
        const aside = { provisionState: "deploy failed", lastError: expect.stringContaining("another one") };
        expect(await nodeOf(server)).toMatchObject(aside);
      }
      // Named as `node`, it may try again.
      expect(await install(site, server)).toMatchObject({ provisionState: "active" });
    }));

  it.for<readonly [string, string, CallChanges]>([
    ["a failure", "[DEPLOY_RAMDISK_FAILED]", { error: "2 disks qualify: sda, sdb" }],
    [
      "a rival that would boot first",
      "[DEPLOY_OTHER_DISK_BOOTS]",
      { machine: { disks: [diskOf("sda", foreign), diskOf("sdb")], chosen: "sdb" } },
    ],
    ["a disk in use", "[DEPLOY_DISK_NOT_BLANK]", { machine: { disks: [diskOf("sda", foreign)] } }],
    ["no disk but a stick", "[DEPLOY_NO_DISK]", { machine: { disks: [diskOf("sda", { unfit: "usb" })] } }],
  ])(
    "ends the deployment when its call tells of %s, with %s, before a byte is written",
    ([, code, changes]) =>
      withServer({}, async (server) => {
        await enrol(site, server);
        await playing(server, { target: true }, async (ramdisk, outcome) => {
          await ramdisk.call(changes);
          await expect(outcome).rejects.toThrow(code);
          expect((await stat(ramdisk.disk)).blocks).toBe(0);
        });
        expect(await server.isOn()).toBe(false);
        await expectNothingServed(server);
        const failed = { provisionState: "deploy failed", lastError: expect.stringContaining(code) };
        expect(site.remembered("instances", nameOn(server))).toMatchObject(failed);
      }),
  );
});

describe.concurrent("a server", () => {
  it("that answers with another serial than its controller's is not written", () =>
    withServer({ serial: "P-1" }, async (server) => {
      await enrol(site, server);
      await server.swapSerial("P-2");
      await writingNothing(server, async () => {
        await expect(install(site, server)).rejects.toThrow(
          /serial number is P-2, expected is P-1.*\[DEPLOY_OTHER_MACHINE\]/s,
        );
      });
      expect(await server.isOn()).toBe(false);
      await expectNothingServed(server);
      expect(await nodeOf(server)).toMatchObject({ provisionState: "deploy failed" });
    }));

  it("whose ramdisk gives up fails with the ramdisk's own words", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      await server.mishap("error");
      await writingNothing(server, async () => {
        const words = /the disk sda does not answer.*\[DEPLOY_RAMDISK_FAILED\]/s;
        await expect(install(site, server)).rejects.toThrow(words);
      });
      expect(await server.isOn()).toBe(false);
      await server.mishap("none");
      expect(await install(site, server)).toMatchObject({ provisionState: "active", lastError: "" });
      expect(await nodeOf(server)).toMatchObject({ provisionState: "active", lastError: "" });
    }));

  it("whose ramdisk gives up stays on where somebody is to look, and the next run takes it from there", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      await server.mishap("error");
      const outcome = install(site, server, { troubleshoot: true });
      await expect(outcome).rejects.toThrow(/the disk sda does not answer.*\[DEPLOY_RAMDISK_FAILED\]/s);
      expect(await server.isOn()).toBe(true);
      await expectNothingServed(server);
      await server.mishap("none");
      expect(await install(site, server)).toMatchObject({ provisionState: "active", lastError: "" });
    }));

  it("whose ramdisk never calls fails within its limit", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      await server.mishap("mute");
      const outcome = install(site, server, { timeouts: { callback: "2 seconds" } });
      await expect(outcome).rejects.toThrow(
        /not called within 2 seconds: DHCP gave it [\d.]+ at [\d:]+ UTC; .*on-paper\d+\/deploy_\w+.*; its ramdisk did not call; .* answers ping.*\[DEPLOY_NO_CALL\]/s,
      );
      expect(await server.isOn()).toBe(false);
      await expectNothingServed(server);
    }));

  it("whose system does not answer stays on, written, and is waited for again by the next run", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      await server.mishap("dead");
      const outcome = install(site, server, { timeouts: { answer: "2 seconds" } });
      await expect(outcome).rejects.toThrow("[DEPLOY_NO_ANSWER]");
      expect(await server.isOn()).toBe(true);
      expect(site.remembered("instances", nameOn(server))).toMatchObject({
        provisionState: "wait call-back",
      });
      await server.mishap("none");
      // What mends it in life: somebody presses the button.
      await ipmi(server, "power", "cycle");
      await writingNothing(server, async () => {
        expect(await install(site, server)).toMatchObject({ provisionState: "active", answered: true });
      });
      expect(wipesOf(server)).toBe(1);
    }));

  it("whose controller is silent is not enrolled", () =>
    withServer({}, async (server) => {
      await server.fault("silent");
      await expect(enrol(site, server)).rejects.toThrow("[POWER_UNREACHABLE]");
      expect(await site.local.nodes.list(newContext())).not.toContainEqual(
        expect.objectContaining({ name: server.name }),
      );
      await server.fault("none");
    }));

  it("whose controller refuses in the middle is repaired by the next run", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      const { outcome } = await reach(server, "verifying");
      await server.fault("exit1");
      await expect(outcome).rejects.toThrow(/\[POWER_\w+\]/);
      // Nobody could switch it off, but it boots nothing of ours any more.
      expect(await server.isOn()).toBe(true);
      await expectNothingServed(server);
      await server.fault("none");
      expect(await install(site, server)).toMatchObject({ provisionState: "active", lastError: "" });
      await expectWhole(server.diskPath(), images.whole);
    }));

  it("that was switched on by somebody is refused before any power command", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      await ipmi(server, "power", "on");
      const before = await commandsTo(server);
      await expect(install(site, server)).rejects.toThrow("[DEPLOY_RUNNING_SERVER]");
      expect(await commandsTo(server)).toEqual(before);
      expect(await server.isOn()).toBe(true);
      await site.remove("instances", nameOn(server));
      expect(await commandsTo(server)).toEqual(before);
    }));

  it("that was on when it was enrolled is offered to nobody", () =>
    withServer({}, async (server) => {
      await ipmi(server, "power", "on");
      await enrol(site, server);
      expect(await nodeOf(server)).toMatchObject({ provisionState: "manageable", powerState: "on" });
      const before = await commandsTo(server);
      const refused = /found switched on.*\[INSTANCE_NO_NODE\]/s;
      await expect(install(site, server)).rejects.toThrow(refused);
      await expect(install(site, server, {}, { unplanned: true })).rejects.toThrow(refused);
      expect(await commandsTo(server)).toEqual(before);
    }));

  it("without an Interface, or not as the flavor wants it, is told so at preview and again without", () =>
    withServer({}, async (server) => {
      await enrol(site, server, { card: false });
      const before = await commandsTo(server);
      const noCard = /paper\d+: it has no Interface to boot from.*\[INSTANCE_NO_NODE\]/s;
      await expect(install(site, server, {}, { unplanned: true })).rejects.toThrow(noCard);
      await enrol(site, server);
      await site.declare("flavors", "large", { cpus: 64, memory: "1 TiB", rootDisk: "1 GiB" });
      const tooSmall = /paper\d+: it has 1 CPUs, asked are 64.*\[INSTANCE_NO_NODE\]/s;
      await expect(install(site, server, { flavor: "large" })).rejects.toThrow(tooSmall);
      await expect(install(site, server, { flavor: "large" }, { unplanned: true })).rejects.toThrow(tooSmall);
      expect(await commandsTo(server)).toEqual(before);
      expect(await nodeOf(server)).toMatchObject({ provisionState: "available" });
    }));

  it("is given to one of two instances that ask for it at once", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      const args = instanceArgs(site, server);
      const both = await Promise.allSettled(
        ["one", "two"].map((name) => site.declare("instances", name, args, { unplanned: true })),
      );
      expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      const lost = both.find((one) => one.status === "rejected");
      expect(String(lost?.reason)).toMatch(/instance (one|two) holds it.*\[INSTANCE_NO_NODE\]/s);
      const won = both[0]?.status === "fulfilled" ? "one" : "two";
      await site.remove("instances", won);
      expect(await server.isOn()).toBe(false);
    }));
});

describe.concurrent("a disk", () => {
  it("under 4 GiB never qualifies", () =>
    withServer({ disk: { size: "2 GiB" } }, async (server) => {
      await enrol(site, server);
      await writingNothing(server, async () => {
        await expect(install(site, server)).rejects.toThrow(/sda .*: too small.*\[DEPLOY_NO_DISK\]/s);
      });
      expect(await nodeOf(server)).toMatchObject({ disks: [{ name: "sda", unfit: "too small" }] });
    }));

  it("smaller than the flavor's partitions is not written, whatever the Node was said to have", () =>
    withServer({}, async (server) => {
      await enrol(site, server, { disk: "100 GB" });
      await site.declare("flavors", "wide", { cpus: 1, memory: "256 MiB", rootDisk: "4 GiB", swap: "1 GiB" });
      await writingNothing(server, async () => {
        const outcome = install(site, server, { flavor: "wide", image: "partition" });
        await expect(outcome).rejects.toThrow("[WRITE_DISK_TOO_SMALL]");
      });
      expect(await server.isOn()).toBe(false);
    }));

  it("that is not blank is refused without `wipe` and installed with it", () =>
    withServer({ disk: { size: "4 GiB", content: images.whole.disk.path } }, async (server) => {
      await enrol(site, server);
      await writingNothing(server, async () => {
        const refused = /holds gpt; ext4.*\[DEPLOY_DISK_NOT_BLANK\]/s;
        await expect(install(site, server, { image: "partition" })).rejects.toThrow(refused);
        // It is the program's fault, not the server's.
        expect(await nodeOf(server)).toMatchObject({ provisionState: "available" });
        await expect(install(site, server, { image: "partition" })).rejects.toThrow(refused);
      });
      const state = await install(site, server, { image: "partition", wipe: true });
      expect(state).toMatchObject({ provisionState: "active", rootUuid: images.partition.uuid });
    }));

  it("may be written again after its instance was deleted by its owner", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      await install(site, server);
      await site.remove("instances", nameOn(server));
      expect(await install(site, server, { image: "partition" })).toMatchObject({ provisionState: "active" });
    }));

  it("of a system that was kept is refused to the next instance, also to one of its name", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      await install(site, server, { onDelete: "keep" });
      const before = await commandsTo(server);
      await site.remove("instances", nameOn(server));
      expect(await commandsTo(server)).toEqual(before);
      expect(await server.isOn()).toBe(true);
      expect(await nodeOf(server)).toMatchObject({ provisionState: "manageable" });
      await ipmi(server, "power", "off");
      await enrol(site, server);
      await writingNothing(server, async () => {
        await expect(install(site, server)).rejects.toThrow("[DEPLOY_DISK_NOT_BLANK]");
      });
    }));
});

describe.concurrent("a deployment", () => {
  it("goes on when the one who asked for it goes away, and who asks again hears its end", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      const gone = new AbortController();
      const onProgress = ({ stage }: { stage: string }) =>
        stage === "wiping" && gone.abort(new Error("gone"));
      const first = install(site, server, {}, { signal: gone.signal, onProgress });
      await expect(first).rejects.toThrow("gone");
      expect(await install(site, server)).toMatchObject({ provisionState: "active" });
      expect(wipesOf(server)).toBe(1);
    }));

  it("that an operator aborts leaves the server off, free and without boot files", () =>
    withServer({}, async (server) => {
      await enrol(site, server);
      const { outcome } = await reach(server, "wiping");
      await site.local.perform(newContext(), { kind: "abort", instance: nameOn(server) });
      await expect(outcome).rejects.toThrow("[SITE_ABORTED]");
      expect(await server.isOn()).toBe(false);
      await expectNothingServed(server);
      expect(await nodeOf(server)).toMatchObject({ provisionState: "available" });
      expect(await install(site, server)).toMatchObject({ provisionState: "active" });
      await expectWhole(server.diskPath(), images.whole);
    }));

  it("has its key in its own boot files and nowhere else, and the controller's password is nowhere", () =>
    withServer({ bmc: { user: "admin", password: "Planted-4711" } }, async (server) => {
      await server.mishap("mute");
      const enrolled = watchArguments(enrol(site, server));
      expect(await enrolled).not.toContain("Planted-4711");
      const { outcome } = await reach(server, "waiting for the ramdisk");
      const key = await bootWord(site, server, "deployment_key");
      expect(key).toMatch(/^[0-9a-f]{64}$/);
      const own = [
        `tftp/${nameOn(server)}/config`,
        `tftp/pxelinux.cfg/01-${server.mac.replaceAll(":", "-")}`,
      ];
      expect(await filesWith(key)).toEqual(
        own.filter((path) => path !== "") && expect.arrayContaining([own[1]]),
      );
      expect((await filesWith(key)).filter((path) => !own.includes(path))).toEqual([]);
      expect(await filesWith("Planted-4711")).toEqual([]);
      await site.local.perform(newContext(), { kind: "abort", instance: nameOn(server) });
      await expect(outcome).rejects.toThrow("[SITE_ABORTED]");
      expect(await filesWith(key)).toEqual([]);
      const said = [site.log.join("\n"), JSON.stringify(site.progress(nameOn(server))), await argumentsNow()];
      const state = JSON.stringify(site.remembered("instances", nameOn(server)));
      for (const text of [...said, state]) {
        expect(text).not.toContain(key);
        expect(text).not.toContain("Planted-4711");
      }
    }));
});

/** Paths below the state folder of the files that hold a text. */
async function filesWith(text: string): Promise<readonly string[]> {
  const { stdout } = await execa("grep", ["-rlaF", "-e", text, "."], { cwd: site.stateDir, reject: false });
  return stdout
    .split("\n")
    .filter((path) => path !== "")
    .map((path) => path.slice(2))
    .sort();
}

/** The arguments of all processes that were seen while something was done. */
async function watchArguments(work: Promise<unknown>): Promise<string> {
  const seen = new Set<string>();
  let over = false;
  const outcome = work.finally(() => {
    over = true;
  });
  while (!over) {
    for (const words of (await argumentsNow()).split("\n")) seen.add(words);
    await pause(15);
  }
  await outcome;
  const all = [...seen].join("\n");
  expect(all).toContain("ipmitool");
  return all;
}

async function argumentsNow(): Promise<string> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const words = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""));
  return (await Promise.all(words)).join("\n").replaceAll("\0", " ");
}
