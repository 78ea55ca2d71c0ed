import { open, readdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { toBytes } from "../../provider/kernel/units.ts";
import type { State } from "../../provider/site/site.ts";
import type { LabServer, PaperOptions, PaperServer } from "./lab/index.ts";
import { type PlayedRamdisk, playRamdisk } from "./played.ts";
import type { Rack } from "./rack.ts";
import { bootFilesOf, install, menuOf, nameOn, stagesOf, type TestSite } from "./site.ts";

type Options = Partial<PaperOptions>;
type Arguments = Readonly<Record<string, unknown>>;

/** Paper servers for the tests of one file, each for one test at a time; the file's rack is open when they are asked for. */
export class PaperServers {
  readonly #rackOf: () => Rack;
  // Starting one costs a second: who leaves a server as it was found leaves it to the next test.
  readonly #idle: PaperServer[] = [];
  #made = 0;
  // Each played ramdisk of a file has an address of its own.
  #lastAddress = 200;

  constructor(rackOf: () => Rack) {
    this.#rackOf = rackOf;
  }

  /** A server with a blank disk for one test; what was installed on it is removed with it, and nothing may stay behind. */
  async use(options: Options, body: (server: PaperServer) => Promise<void>): Promise<void> {
    const { site } = this.#rackOf();
    const server = await this.#serverFor(options);
    const instance = nameOn(server);
    try {
      await body(server);
      if (site.remembered("instances", instance)) {
        await site.remove("instances", instance);
        expect(await server.isOn()).toBe(false);
      }
      await expectNothingServed(site, server);
      const card = `${server.name}-eth0`;
      if (site.remembered("interfaces", card)) await site.remove("interfaces", card);
      if (site.remembered("nodes", server.name)) await site.remove("nodes", server.name);
      await server.pull();
    } catch (error) {
      await server.stop();
      throw error;
    }
    if (Object.keys(options).length === 0) this.#idle.push(server);
    else await server.stop();
  }

  async #serverFor(options: Options): Promise<PaperServer> {
    const used = Object.keys(options).length === 0 ? this.#idle.pop() : undefined;
    if (used === undefined) {
      this.#made += 1;
      return this.#rackOf().lab.paper({ name: `paper${this.#made}`, ...options });
    }
    await truncate(used.diskPath(), 0);
    await truncate(used.diskPath(), toBytes("4 GiB"));
    await used.swapSerial(used.serial);
    await used.mishap("none");
    return used;
  }

  /** Begin an installation and go on when it has reached a stage; its outcome is awaited later. */
  async reach(
    server: LabServer,
    stage: string,
    args: Arguments = {},
  ): Promise<{ readonly outcome: Promise<State> }> {
    let reached = () => {};
    const there = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const outcome = install(this.#rackOf().site, server, args, {
      onProgress: (progress) => progress.stage === stage && reached(),
    });
    outcome.catch(() => {});
    await Promise.race([there, outcome]);
    return { outcome };
  }

  /** Begin an installation whose ramdisk is played by the test, and go on when it may call. */
  async play(
    server: PaperServer,
    { target = false, ...args }: Arguments & { readonly target?: boolean },
    body: (ramdisk: PlayedRamdisk, outcome: Promise<State>) => Promise<void>,
  ): Promise<void> {
    const { lab, site } = this.#rackOf();
    await server.mishap("mute");
    const { outcome } = await this.reach(server, "waiting for the ramdisk", args);
    this.#lastAddress += 1;
    const ramdisk = await playRamdisk({ lab, site, server }, { last: this.#lastAddress, target });
    try {
      await body(ramdisk, outcome);
    } finally {
      await ramdisk.stop();
      await server.mishap("none");
    }
  }
}

/** Neither a menu, nor a boot file, nor DHCP knows the server. */
export async function expectNothingServed(site: TestSite, server: LabServer): Promise<void> {
  expect(await menuOf(site, server)).toBe("");
  expect((await bootFilesOf(site)).filter((path) => path.startsWith(`${nameOn(server)}/`))).toEqual([]);
  const hosts = await readdir(join(site.stateDir, "hosts"));
  expect(hosts).not.toContain(server.mac.replaceAll(":", "-"));
}

/** Run `body`, which must not write to the server's disk. */
export async function writingNothing(server: LabServer, body: () => Promise<void>): Promise<void> {
  const before = await marksOf(server);
  await body();
  expect(await marksOf(server)).toEqual(before);
}

/** Changes when a byte is written to the disk. */
export async function marksOf(server: LabServer) {
  const disk = await open(server.diskPath());
  try {
    await disk.sync(); // blocks of what was written before are given out late
    const { mtimeMs, blocks } = await disk.stat();
    return { mtimeMs, blocks };
  } finally {
    await disk.close();
  }
}

/** How often its disk was wiped for an installation. */
export const wipesOf = (site: TestSite, server: LabServer): number =>
  stagesOf(site.progress(nameOn(server))).filter((stage) => stage === "wiping").length;
