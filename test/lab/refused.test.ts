import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import type { TestImages } from "../../tools/images/index.ts";
import { expectWhole } from "./installed.ts";
import type { LabServer } from "./lab/index.ts";
import { expectNothingServed, PaperServers, wipesOf, writingNothing } from "./paper-servers.ts";
import { ipmi } from "./programs.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { commandsTo, enrol, install, instanceArgs, nameOn, type TestSite } from "./site.ts";

let rack: Rack;
let images: TestImages;
let site: TestSite;

beforeAll(async () => {
  rack = await openRack();
  ({ images, site } = rack);
});

afterAll(() => closeRack(rack, site));

const servers = new PaperServers(() => rack);
const nodeOf = (server: LabServer) => site.observe("nodes", server.name);

describe.concurrent("a server", () => {
  it("that answers with another serial than its controller's is not written", () =>
    servers.use({ serial: "P-1" }, async (server) => {
      await enrol(site, server);
      await server.swapSerial("P-2");
      await writingNothing(server, async () => {
        await expect(install(site, server)).rejects.toThrow(
          /serial number is P-2, expected is P-1.*\[DEPLOY_OTHER_MACHINE\]/s,
        );
      });
      expect(await server.isOn()).toBe(false);
      await expectNothingServed(site, server);
      expect(await nodeOf(server)).toMatchObject({ provisionState: "deploy failed" });
    }));

  it("whose ramdisk gives up fails with the ramdisk's own words", () =>
    servers.use({}, async (server) => {
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
    servers.use({}, async (server) => {
      await enrol(site, server);
      await server.mishap("error");
      const outcome = install(site, server, { troubleshoot: true });
      await expect(outcome).rejects.toThrow(/the disk sda does not answer.*\[DEPLOY_RAMDISK_FAILED\]/s);
      expect(await server.isOn()).toBe(true);
      await expectNothingServed(site, server);
      await server.mishap("none");
      expect(await install(site, server)).toMatchObject({ provisionState: "active", lastError: "" });
    }));

  it("whose ramdisk never calls fails within its limit", () =>
    servers.use({}, async (server) => {
      await enrol(site, server);
      await server.mishap("mute");
      const outcome = install(site, server, { timeouts: { callback: "5 seconds" } });
      await expect(outcome).rejects.toThrow(
        /not called within 5 seconds: DHCP gave it [\d.]+ at [\d:]+ UTC; .*on-paper\d+\/deploy_\w+.*; its ramdisk did not call; .* answers ping.*\[DEPLOY_NO_CALL\]/s,
      );
      expect(await server.isOn()).toBe(false);
      await expectNothingServed(site, server);
    }));

  it("whose system does not answer stays on, written, and is waited for again by the next run", () =>
    servers.use({}, async (server) => {
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
      expect(wipesOf(site, server)).toBe(1);
    }));

  it("whose controller is silent is not enrolled", () =>
    servers.use({}, async (server) => {
      await server.fault("silent");
      await expect(enrol(site, server)).rejects.toThrow("[POWER_UNREACHABLE]");
      expect(await site.local.nodes.list(newContext())).not.toContainEqual(
        expect.objectContaining({ name: server.name }),
      );
      await server.fault("none");
    }));

  it("whose controller refuses in the middle is repaired by the next run", () =>
    servers.use({}, async (server) => {
      await enrol(site, server);
      const { outcome } = await servers.reach(server, "verifying");
      await server.fault("exit1");
      await expect(outcome).rejects.toThrow(/\[POWER_\w+\]/);
      // Nobody could switch it off, but it boots nothing of ours any more.
      expect(await server.isOn()).toBe(true);
      await expectNothingServed(site, server);
      await server.fault("none");
      expect(await install(site, server)).toMatchObject({ provisionState: "active", lastError: "" });
      await expectWhole(server.diskPath(), images.whole);
    }));

  it("that was switched on by somebody is refused before any power command", () =>
    servers.use({}, async (server) => {
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
    servers.use({}, async (server) => {
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
    servers.use({}, async (server) => {
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
    servers.use({}, async (server) => {
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
    servers.use({ disk: { size: "2 GiB" } }, async (server) => {
      await enrol(site, server);
      await writingNothing(server, async () => {
        await expect(install(site, server)).rejects.toThrow(/sda .*: too small.*\[DEPLOY_NO_DISK\]/s);
      });
      expect(await nodeOf(server)).toMatchObject({ disks: [{ name: "sda", unfit: "too small" }] });
    }));

  it("smaller than the flavor's partitions is not written, whatever the Node was said to have", () =>
    servers.use({}, async (server) => {
      await enrol(site, server, { disk: "100 GB" });
      await site.declare("flavors", "wide", { cpus: 1, memory: "256 MiB", rootDisk: "4 GiB", swap: "1 GiB" });
      await writingNothing(server, async () => {
        const outcome = install(site, server, { flavor: "wide", image: "partition" });
        await expect(outcome).rejects.toThrow("[WRITE_DISK_TOO_SMALL]");
      });
      expect(await server.isOn()).toBe(false);
    }));

  it("that is not blank is refused without `wipe` and installed with it", () =>
    servers.use({ disk: { size: "4 GiB", content: images.whole.disk.path } }, async (server) => {
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
    servers.use({}, async (server) => {
      await enrol(site, server);
      await install(site, server);
      await site.remove("instances", nameOn(server));
      expect(await install(site, server, { image: "partition" })).toMatchObject({ provisionState: "active" });
    }));

  it("of a system that was kept is refused to the next instance, also to one of its name", () =>
    servers.use({}, async (server) => {
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
