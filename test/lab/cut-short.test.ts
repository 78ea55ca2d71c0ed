import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import type { TestImages } from "../../tools/images/index.ts";
import { expectWhole } from "./installed.ts";
import type { LabServer } from "./lab/index.ts";
import { expectNothingServed, PaperServers } from "./paper-servers.ts";
import { bootWord } from "./played.ts";
import { closeRack, openRack, type Rack } from "./rack.ts";
import { enrol, install, nameOn, type TestSite } from "./site.ts";

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

describe.concurrent("a deployment", () => {
  it("goes on when the one who asked for it goes away, and who asks again hears its end", () =>
    servers.use({}, async (server) => {
      await enrol(site, server);
      const gone = new AbortController();
      const onProgress = ({ stage }: { stage: string }) =>
        stage === "wiping" && gone.abort(new Error("gone"));
      const first = install(site, server, {}, { signal: gone.signal, onProgress });
      await expect(first).rejects.toThrow("gone");
      const state = await install(site, server);
      expect(state).toMatchObject({ provisionState: "active" });
      const timeline = state["timeline"] as readonly { readonly step: string }[];
      expect(timeline.filter(({ step }) => step === "write")).toHaveLength(1);
    }));

  it("that an operator aborts at the write leaves the server off, without boot files, and to nobody else", () =>
    servers.use({}, async (server) => {
      await enrol(site, server);
      const { outcome } = await servers.reach(server, "wiping");
      await site.local.perform(newContext(), { kind: "abort", instance: nameOn(server) });
      await expect(outcome).rejects.toThrow("[SITE_ABORTED]");
      expect(await server.isOn()).toBe(false);
      await expectNothingServed(site, server);
      expect(await nodeOf(server)).toMatchObject({
        provisionState: "deploy failed",
        lastError: expect.stringContaining("was interrupted while writing the disk"),
      });
      expect(await install(site, server)).toMatchObject({ provisionState: "active" });
      await expectWhole(server.diskPath(), images.whole);
    }));

  it("has its key in its own boot files and nowhere else, and the controller's password is nowhere", () =>
    servers.use({ bmc: { user: "admin", password: "Planted-4711" } }, async (server) => {
      await server.mishap("mute");
      const enrolled = watchArguments(enrol(site, server));
      expect(await enrolled).not.toContain("Planted-4711");
      const { outcome } = await servers.reach(server, "waiting for the ramdisk");
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
