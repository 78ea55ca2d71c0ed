import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publicKey } from "../fixtures/configuration.ts";
import { tableProblems } from "../fixtures/tables.ts";
import { readCidata } from "./cidata.ts";
import type { Lab } from "./lab/index.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { bootFilesOf, enrol, install, nameOn, type TestSite } from "./site.ts";

const planted = "PLANTED-7d20";
let rack: Rack;
let lab: Lab;
let site: TestSite;

beforeAll(async () => {
  rack = await openRack();
  ({ lab, site } = rack);
});
afterAll(() => closeRack(rack, site));

/** The arguments of every program that runs, gathered until `body` is done. */
async function argumentsDuring(body: () => Promise<unknown>): Promise<string> {
  const seen = new Set<string>();
  const look = async () => {
    for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name)))
      seen.add(await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => ""));
  };
  let done = false;
  const doing = body().finally(() => {
    done = true;
  });
  while (!done) {
    await look();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await doing;
  return [...seen].join("\n");
}

describe("what a program tells its system", () => {
  it.for([
    ["whole", "gpt"],
    ["partition", "mbr"],
  ] as const)(
    "lies on the disk beside the %s image, and its secrets nowhere else",
    async ([image, table]) => {
      const server = await lab.paper({ name: `told-${image}` });
      await enrol(site, server);
      const args = {
        image,
        hostname: "web-1",
        sshKeys: [publicKey],
        userData: `#cloud-config\nruncmd: [[echo, ${planted}]]\n`,
        networks: { ethernets: [{ interface: `${server.name}-eth0`, dhcp4: true }] },
      };
      const programs = await argumentsDuring(() => install(site, server, args));
      expect(programs).toContain("qemu-io");
      expect(programs).not.toContain(planted);
      expect(site.log.join("\n")).not.toContain(planted);
      for (const path of await bootFilesOf(site))
        expect(await readFile(join(site.tftpRoot, path), "latin1"), path).not.toContain(planted);

      const disk = server.diskPath();
      expect(await tableProblems(disk, table)).toBe("");
      const read = (name: string) => readCidata(server, name);
      expect(await read("user-data")).toBe(args.userData.trimEnd());
      expect(await read("meta-data")).toContain('local-hostname: "web-1"');
      expect(await read("network-config")).toContain(`macaddress: "${server.mac}"`);
      await site.remove("instances", nameOn(server));
      await server.stop();
    },
  );
});
