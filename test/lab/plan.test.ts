import { appendFile, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeHost } from "../../provider/services/dnsmasq/hosts.ts";
import type { TestImages } from "../../tools/images/index.ts";
import { type Lab, type PaperServer, readBanner } from "./lab/index.ts";
import { ipmi } from "./programs.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import {
  commandsTo,
  declareSystems,
  enrol,
  install,
  instanceArgs,
  menuOf,
  nameOn,
  stagesOf,
  type TestSite,
} from "./site.ts";

type Args = Readonly<Record<string, unknown>>;
const MiB = 2 ** 20;

let rack: Rack;
let lab: Lab;
let images: TestImages;
let site: TestSite;

beforeAll(async () => {
  rack = await openRack();
  ({ lab, images, site } = rack);
  await declareKept("512 MiB");
});

afterAll(() => closeRack(rack, site));

/** The Flavor `kept`, with an ephemeral partition of 64 MiB, which is the first on the disk. */
const declareKept = (rootDisk: string, ephemeral = "64 MiB") =>
  site.declare("flavors", "kept", { cpus: 1, memory: "256 MiB", rootDisk, swap: "16 MiB", ephemeral });

async function ephemeralOf(server: PaperServer): Promise<Buffer> {
  const file = await open(server.diskPath());
  const { buffer } = await file.read(Buffer.alloc(64 * MiB), 0, 64 * MiB, MiB);
  await file.close();
  return buffer;
}

const debugfs = (server: PaperServer, request: string, ...words: readonly string[]) =>
  execa("debugfs", [...words, "-R", request, `${server.diskPath()}?offset=${MiB}`], {
    env: { PATH: `${process.env["PATH"]}:/usr/sbin` },
  });

/** What a preview says of a server's instance. */
const preview = (server: PaperServer, args: Args = {}) =>
  site.plan("instances", nameOn(server), instanceArgs(site, server, args), { dryRun: true });

/** The one refusal of a plan, and the token that it names. */
function refusalOf({ failures }: Awaited<ReturnType<typeof preview>>) {
  expect(failures).toHaveLength(1);
  const [{ property = "", reason = "" } = {}] = failures;
  return { property, reason, token: /\(token (erase-\w+)\)/.exec(reason)?.[1] ?? "" };
}

/** Run `body`, in which no controller of these servers may be given a command. */
async function switchingNothing<T>(servers: readonly PaperServer[], body: () => Promise<T>): Promise<T> {
  const commands = () => Promise.all(servers.map(commandsTo));
  const before = await commands();
  const result = await body();
  expect(await commands()).toEqual(before);
  return result;
}

const bannerOf = (server: PaperServer) =>
  readBanner(String(site.remembered("instances", nameOn(server))?.["address"]), "10 seconds");

/** Start a server whose disk holds a system of somebody else. */
async function runByHand(server: PaperServer): Promise<void> {
  const { mac, name, address } = server;
  // Its address comes from elsewhere: here from an entry that no instance has made.
  await writeHost(join(site.stateDir, "hosts"), { mac, name, ip: address });
  await ipmi(server, "chassis", "bootdev", "disk");
  await ipmi(server, "power", "on");
  await server.waitConsole(`${images.whole.name} answers at ${address}`);
}

/** Declare a server and its card, which has a fixed address. */
async function enrolAt(server: PaperServer, address: string): Promise<void> {
  const { name, mac } = server;
  await enrol(site, server, { card: false });
  await site.declare("interfaces", `${name}-eth0`, { node: name, mac, address });
}

async function leave(...servers: readonly PaperServer[]): Promise<void> {
  for (const server of servers) {
    await site.remove("instances", nameOn(server));
    expect(await server.isOn()).toBe(false);
  }
}

describe.concurrent("a reinstall", () => {
  const partition = { image: "partition" };

  it("is refused with a token, which allows it once, and keeps the bytes of the ephemeral partition", async () => {
    const args = { ...partition, flavor: "kept", preserveEphemeral: true };
    const server = await lab.paper({ name: "kept" });
    await enrol(site, server);
    await install(site, server, { ...args, power: "off" });
    await writeFile(join(rack.folder, "precious"), "kept since the first install");
    await debugfs(server, `write ${join(rack.folder, "precious")} precious`, "-w");
    const before = await ephemeralOf(server);
    await install(site, server, args);

    await declareKept("600 MiB");
    const refused = await switchingNothing([server], async () => {
      const refused = refusalOf(await preview(server, args));
      await expect(install(site, server, args)).rejects.toThrow(refused.reason);
      const wrong = { ...args, allowReinstall: "erase-000000000000" };
      await expect(install(site, server, wrong)).rejects.toThrow("[INSTANCE_WOULD_ERASE]");
      return refused;
    });
    expect(refused).toMatchObject({
      property: "allowReinstall",
      reason: expect.stringMatching(
        /change of flavor reinstalls instance on-kept.*disk ata-PAPER_DISK_kept-0 .*node kept .*serial LAB-kept/,
      ),
    });

    const allowed = { ...args, allowReinstall: refused.token };
    expect(await preview(server, allowed)).toMatchObject({ effect: "reinstall", failures: [] });
    expect(await install(site, server, allowed)).toMatchObject({
      ...{ provisionState: "active", assignedNode: "kept", answered: true },
    });
    expect((await ephemeralOf(server)).equals(before)).toBe(true);
    expect((await debugfs(server, "cat precious")).stdout).toBe("kept since the first install");
    expect(await preview(server, allowed)).toMatchObject({ effect: "none", changed: [], actions: [] });

    await declareKept("512 MiB");
    const spent = refusalOf(await preview(server, allowed));
    expect(spent.token).toMatch(/^erase-/);
    expect(spent.token).not.toBe(refused.token);
    await declareKept("600 MiB", "65 MiB");
    const cannot = refusalOf(await preview(server, { ...args, allowReinstall: true }));
    expect(cannot.reason).toMatch(/64 MiB, the flavor asks for 65 MiB.*\[INSTANCE_EPHEMERAL_LOST\]/);
    await declareKept("512 MiB");
    await leave(server);
  });

  it("that fails before its first byte is undone by booting the earlier system again", async () => {
    const server = await lab.paper({ name: "undone" });
    await enrol(site, server);
    await install(site, server, partition);
    const { token } = refusalOf(await preview(server, { image: "whole" }));
    const allowed = { image: "whole", allowReinstall: token };
    await server.mishap("mute");
    const hasty = { ...allowed, timeouts: { callback: "1 second" } };
    await expect(install(site, server, hasty)).rejects.toThrow("[DEPLOY_NO_CALL]");
    expect(await server.isOn()).toBe(false);
    await server.mishap("none");
    // Either way is open: the token counts until it is done, and what was there is there.
    expect(await preview(server, allowed)).toMatchObject({ effect: "reinstall", failures: [] });
    expect(await preview(server, partition)).toMatchObject({ effect: "restore", failures: [] });
    const wipes = () => stagesOf(site.progress(nameOn(server))).filter((stage) => stage === "wiping").length;
    const before = wipes();
    expect(await install(site, server, partition)).toMatchObject({
      ...{ provisionState: "active", rootUuid: images.partition.uuid, lastError: "" },
    });
    expect(wipes()).toBe(before);
    expect(await bannerOf(server)).toContain(images.partition.banner);
    await leave(server);
  });

  it("that is refused by another controller leaves the server as it runs", async () => {
    const server = await lab.paper({ name: "other" });
    await enrol(site, server);
    await install(site, server);
    await server.swapBmc("OTHER", "99999999-9999-4999-8999-999999999999");
    await switchingNothing([server], async () => {
      const { token } = refusalOf(await preview(server, { image: "partition" }));
      const allowed = { image: "partition", allowReinstall: token };
      await expect(install(site, server, allowed)).rejects.toThrow("[POWER_OTHER_MACHINE]");
      expect(site.remembered("instances", nameOn(server))).toMatchObject({ provisionState: "active" });
      expect(await site.observe("nodes", server.name)).toMatchObject({
        provisionState: "active",
        drift: [expect.stringContaining("its serial number is OTHER, it was LAB-other")],
      });
      await server.swapBmc(server.serial, server.uuid);
      expect(await preview(server)).toMatchObject({ effect: "in-place", actions: [] });
      expect(await install(site, server)).toMatchObject({ provisionState: "active", lastError: "" });
    });
    expect(await bannerOf(server)).toContain(images.whole.banner);
    await leave(server);
  });
});

describe.concurrent("drift", () => {
  it("of boot menu and DHCP entry is told by a refresh and mended by the next update", async () => {
    const server = await lab.paper({ name: "drift" });
    await enrol(site, server);
    await install(site, server, { image: "partition" });
    const dashed = server.mac.replaceAll(":", "-");
    const host = join(site.stateDir, "hosts", dashed);
    const laid = [await menuOf(site, server), await readFile(host, "utf8")];
    await appendFile(join(site.tftpRoot, `pxelinux.cfg/01-${dashed}`), "timeout 100\n");
    await rm(host);
    await switchingNothing([server], async () => {
      expect(await site.observe("instances", nameOn(server))).toMatchObject({
        ...{ provisionState: "active", power: "on" },
        drift: ["its boot menu was edited by hand", `the DHCP entry of ${server.mac} is missing`],
      });
      expect(await preview(server, { image: "partition" })).toMatchObject({ changed: ["drift"] });
      await install(site, server, { image: "partition" });
      expect(await site.observe("instances", nameOn(server))).toMatchObject({ drift: [] });
      expect(await preview(server, { image: "partition" })).toMatchObject({ effect: "none" });
    });
    expect([await menuOf(site, server), await readFile(host, "utf8")]).toEqual(laid);
    await leave(server);
  });
});

describe.concurrent("a server that runs", () => {
  it("is adopted as it is, and what is put on it later has to be allowed", async () => {
    const disk = { size: "4 GiB", content: images.whole.disk.path } as const;
    const server = await lab.paper({ name: "theirs", disk });
    await runByHand(server);
    const { address } = server;
    await switchingNothing([server], async () => {
      await enrolAt(server, address);
      expect(refusalOf(await preview(server)).reason).toContain("it was found switched on");
      const off = install(site, server, { adopt: true, power: "off" });
      await expect(off).rejects.toThrow("[INSTANCE_ADOPT_POWER]");
      expect(await preview(server, { adopt: true })).toMatchObject({ effect: "adopt", failures: [] });
      expect(await install(site, server, { adopt: true })).toMatchObject({
        ...{ provisionState: "active", powerState: "on", address, installedDigest: "unknown" },
      });
      expect(await preview(server, { adopt: true })).toMatchObject({ effect: "none", changed: [] });
      expect(await site.observe("instances", nameOn(server))).toMatchObject({ power: "on", drift: [] });
    });
    expect((await server.console()).match(/system: \S+ up/g)).toHaveLength(1);
    expect(await menuOf(site, server)).toBe("");

    const { reason, token } = refusalOf(await preview(server, { adopt: true, image: "partition" }));
    expect(reason).toContain("which holds an unknown image (it was adopted)");
    const allowed = { adopt: true, image: "partition", allowReinstall: token };
    expect(await install(site, server, allowed)).toMatchObject({ rootUuid: images.partition.uuid });
    await leave(server);
  });

  it("is not adopted when another one answers at its address", async () => {
    const server = await lab.paper({ name: "answers" });
    const another = await lab.paper({ name: "another" });
    await Promise.all([enrol(site, server), ipmi(another, "power", "on")]);
    const { address } = await install(site, server);
    await enrolAt(another, String(address));
    await switchingNothing([server, another], () =>
      expect(install(site, another, { adopt: true })).rejects.toThrow("[DEPLOY_OTHER_ANSWERS]"),
    );
    await leave(server);
    await another.pull();
  });
});

describe("a lost store", () => {
  it("is made again by the next update, which switches nothing, and the servers start from it", async () => {
    const servers = [await lab.paper({ name: "lost1" }), await lab.paper({ name: "lost2" })];
    const [partition, whole] = [{ flavor: "kept", image: "partition" }, { image: "whole" }];
    const argsOf = ({ name }: PaperServer) => (name === "lost1" ? partition : whole);
    for (const server of servers) {
      await enrol(site, server);
      await install(site, server, argsOf(server));
    }
    const disk = { size: "4 GiB", content: images.whole.disk.path } as const;
    const theirs = await lab.paper({ name: "lost3", disk });
    await runByHand(theirs);
    await enrolAt(theirs, theirs.address);
    await install(site, theirs, { ...partition, adopt: true });
    const addresses = () =>
      servers.map((server) => site.remembered("instances", nameOn(server))?.["address"]);
    const before = addresses();
    await switchingNothing([...servers, theirs], async () => {
      site = await site.reopen(() => rm(site.stateDir, { recursive: true }));
      for (const server of servers) {
        const seen = await site.observe("instances", nameOn(server));
        expect(seen).toEqual(site.remembered("instances", nameOn(server)));
        const removing = site.remove("instances", nameOn(server));
        await expect(removing).rejects.toThrow("[SITE_LOST_RECORD]");
      }
      await declareSystems(site, images);
      await declareKept("512 MiB");
      for (const server of servers) await enrol(site, server);
      // In another order: each keeps what is its own.
      for (const server of servers.toReversed()) {
        const args = argsOf(server);
        expect(await preview(server, args)).toMatchObject({ effect: "enrol", failures: [], lost: true });
        const seen = await install(site, server, args);
        expect(seen).toMatchObject({ provisionState: "active", powerState: "on" });
        expect(await preview(server, args)).toMatchObject({ effect: "none", changed: [] });
        expect(await site.observe("instances", nameOn(server))).toMatchObject({ drift: [] });
      }
      expect(addresses()).toEqual(before);
      await enrolAt(theirs, theirs.address);
      const adopted = { ...partition, adopt: true };
      expect(await install(site, theirs, adopted)).toMatchObject({ installedDigest: "unknown" });
      expect(await menuOf(site, theirs)).toBe("");
      expect(await preview(theirs, adopted)).toMatchObject({ effect: "none", changed: [] });
    });
    for (const server of servers) {
      await server.pull();
      expect(await site.observe("instances", nameOn(server))).toMatchObject({ power: "off" });
      expect(await install(site, server, argsOf(server))).toMatchObject({ powerState: "on" });
    }
    const [first = "", second = ""] = await Promise.all(servers.map(bannerOf));
    expect(first).toContain(images.partition.banner);
    expect(second).toContain(images.whole.banner);
    // How its disk was cut is known again, too.
    await declareKept("600 MiB");
    const keeping = { ...partition, preserveEphemeral: true, allowReinstall: ["flavor"] };
    expect(await preview(servers[0] as PaperServer, keeping)).toMatchObject({
      ...{ effect: "reinstall", failures: [] },
    });
    await leave(...servers, theirs);
  });
});
