import { once } from "node:events";
import { stat } from "node:fs/promises";
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestImages } from "../../tools/images/index.ts";
import { expectWhole } from "./installed.ts";
import type { Lab, LabServer } from "./lab/index.ts";
import { expectNothingServed, PaperServers, wipesOf } from "./paper-servers.ts";
import { type CallChanges, diskOf } from "./played.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { commandsTo, enrol, install, nameOn, type TestSite } from "./site.ts";

let rack: Rack;
let lab: Lab;
let images: TestImages;
let site: TestSite;

beforeAll(async () => {
  rack = await openRack();
  ({ lab, images, site } = rack);
});

afterAll(() => closeRack(rack, site));

const servers = new PaperServers(() => rack);
const nodeOf = (server: LabServer) => site.observe("nodes", server.name);

describe("a foreign program on port 10000", () => {
  it("is found at preview and named, and without a preview nothing is touched either", async () => {
    const other = createServer().listen(10_000, lab.address);
    await once(other, "listening");
    await servers.use({}, async (server) => {
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
    servers.use({}, async (server) => {
      await enrol(site, server);
      await servers.play(server, { target: true, waitFor: "written" }, async (ramdisk, outcome) => {
        const first = await Promise.all([1, 2, 3].map(() => ramdisk.call()));
        const second = await Promise.all([1, 2, 3].map(() => ramdisk.call()));
        expect([...first, ...second].map(({ status }) => status)).toEqual(Array(6).fill(200));
        expect(await outcome).toMatchObject({ provisionState: "active", verified: "full" });
        await ramdisk.done;
        expect(wipesOf(site, server)).toBe(1);
        await expectWhole(ramdisk.disk, images.whole);
        // The key is void now.
        expect(await ramdisk.call()).toEqual({ status: 400, line: "key is not match" });
      });
    }));

  it("takes another boot of the same server for a new attempt, which ends the older writer", () =>
    servers.use({}, async (server) => {
      await enrol(site, server);
      await servers.play(server, { target: true, waitFor: "written" }, async (ramdisk, outcome) => {
        const writes = () =>
          site
            .progress(nameOn(server))
            .some(({ stage, percent }) => stage === "writing" && percent !== undefined);
        await ramdisk.call();
        await expect.poll(writes, { interval: 10, timeout: 30_000 }).toBe(true);
        expect((await ramdisk.call({ machine: { bootId: "another-boot" } })).status).toBe(200);
        expect(await outcome).toMatchObject({ provisionState: "active" });
        expect(wipesOf(site, server)).toBe(2);
        await expectWhole(ramdisk.disk, images.whole);
      });
    }));

  it("refuses a wrong key and an unknown deployment in the same words, and the deployment goes on", () =>
    servers.use({}, async (server) => {
      await enrol(site, server);
      await servers.play(server, { target: true, waitFor: "written" }, async (ramdisk, outcome) => {
        const refused = { status: 400, line: "key is not match" };
        expect(await ramdisk.call({ key: "0".repeat(64) })).toEqual(refused);
        expect(await ramdisk.call({ deployment: "somebody" })).toEqual(refused);
        expect((await ramdisk.call()).status).toBe(200);
        expect(await outcome).toMatchObject({ provisionState: "active" });
      });
    }));

  it("refuses another machine with the right key, and after the first acceptance the deployment goes on", () =>
    servers.use({}, async (server) => {
      await enrol(site, server);
      await servers.play(server, { target: true, waitFor: "written" }, async (ramdisk, outcome) => {
        expect((await ramdisk.call()).status).toBe(200);
        const other = await ramdisk.call({ machine: { serial: "OTHER", bootId: "other" } });
        expect(other).toEqual({ status: 400, line: "another machine was accepted for this deployment" });
        expect(await outcome).toMatchObject({ provisionState: "active", serial: server.serial });
        expect(wipesOf(site, server)).toBe(1);
      });
    }));

  it("fails the deployment when the first answer is another machine's, whatever differs", () =>
    servers.use({}, async (server) => {
      await enrol(site, server, { identity: { productUuid: server.uuid } });
      const others: readonly (readonly [string, CallChanges["machine"] & object])[] = [
        ["serial", { serial: "SN-OTHER" }],
        ["UUID", { productUuid: "11111111-2222-4333-8444-555555555555" }],
        ["MAC", { macs: ["52:54:00:99:99:99"] }],
      ];
      for (const [what, machine] of others) {
        await servers.play(server, { target: true }, async (ramdisk, outcome) => {
          const { status, line } = await ramdisk.call({ machine });
          expect(status, what).toBe(400);
          expect(line).toContain("this is another machine");
          await expect(outcome, what).rejects.toThrow(/another one: its .*\[DEPLOY_OTHER_MACHINE\]/s);
          const { blocks } = await stat(ramdisk.disk);
          expect(blocks).toBe(0);
        });
        expect(await server.isOn()).toBe(false);
        await expectNothingServed(site, server);
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
      servers.use({}, async (server) => {
        await enrol(site, server);
        await servers.play(server, { target: true }, async (ramdisk, outcome) => {
          await ramdisk.call(changes);
          await expect(outcome).rejects.toThrow(code);
          expect((await stat(ramdisk.disk)).blocks).toBe(0);
        });
        expect(await server.isOn()).toBe(false);
        await expectNothingServed(site, server);
        const failed = { provisionState: "deploy failed", lastError: expect.stringContaining(code) };
        expect(site.remembered("instances", nameOn(server))).toMatchObject(failed);
      }),
  );
});
