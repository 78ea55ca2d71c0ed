import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { execa } from "execa";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { bootAddress } from "./apart.ts";
import { type FarRack, openFarRack } from "./far-rack.ts";
import { endLanguageHosts } from "./processes.ts";
import { reason } from "./rack.ts";
import { configureSite } from "./workspace.ts";

const up = ["up", "--yes", "--stack", "dev", "--skip-preview"] as const;

describe.skipIf(reason)(`a client on another host${reason ? ` (left out: ${reason})` : ""}`, () => {
  let rack: FarRack;
  const calls = async (...words: readonly string[]) => {
    const { exitCode, text } = await rack.pulumi(...words);
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    return text;
  };
  const instance = async () => (await rack.state("dev")).get("on-u7")?.outputs;

  beforeAll(async () => {
    rack = await openFarRack(["u7"]);
    await copyFile(rack.images.whole.disk.path, join(rack.programFolder, "system.qcow2"));
    const whole = { source: "./system.qcow2", checksum: undefined };
    await rack.write(rack.program({ images: { whole } }));
  });
  afterEach(() => endLanguageHosts(rack.folder));
  afterAll(() => rack?.close());

  it("reaches the boot host's ssh, and nothing else: no call-back, no controller, no server", async () => {
    const [{ bmc } = { bmc: { address: "", port: 0 } }] = rack.servers;
    const places = [
      [bootAddress, 22],
      [bootAddress, 10_000],
      [bmc.address, bmc.port],
      ["10.99.0.1", 22],
    ] as const;
    const reached = await Promise.all(places.map(([address, port]) => reaches(rack, address, port)));
    expect(reached).toEqual([true, false, false, false]);
  });

  it("installs a server by ssh from a file of the program's; killed during the write and started again it shows the same write", async () => {
    // However loaded this host is, the write lasts until the second client has seen it.
    const slow = async (rate: string) => {
      for (const server of rack.servers) await rack.slow(server, rate);
    };
    await slow("4mbit");
    const preview = await calls("preview", "--stack", "dev");
    expect(preview).not.toContain("uploading");
    await rack.client.narrow("60mbit");
    const first = rack.begin(...up);
    await eventually(first.sofar, /uploading \d+ %/);
    await eventually(first.sofar, /writing \d+ %/);
    first.kill("SIGKILL");
    await first.ended;
    await calls("cancel", "--yes", "--stack", "dev");
    const second = rack.begin(...up);
    await eventually(second.sofar, /writing \d+ % .*\(under way already\)/);
    await slow("1gbit");
    const { exitCode, text } = await second.ended;
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    expect(text).not.toContain("uploading");
    expect(await instance()).toMatchObject({ provisionState: "active", answered: true, verified: "full" });
    const timeline = (await instance())?.["timeline"] as readonly { readonly step: string }[];
    expect(timeline.filter(({ step }) => step === "write")).toHaveLength(1);
  }, 400_000);

  it("finds the same site behind https, where the service took it over, and deletes by it", async () => {
    await configureSite(rack.programFolder, "dev", await rack.serve());
    await calls(...up, "--expect-no-changes");
    await calls("destroy", "--yes", "--stack", "dev", "--skip-preview");
    expect(await Promise.all(rack.servers.map(({ isOn }) => isOn()))).toEqual([false]);
  });
});

/** Whether a place can be connected to from the client's host. */
async function reaches({ client }: FarRack, address: string, port: number): Promise<boolean> {
  const code = `const s = require("net").connect(${port}, "${address}").on("connect", () => process.exit(0));
    s.on("error", () => process.exit(1)).setTimeout(5000, () => process.exit(2));`;
  const [file = "", ...args] = [...client.through, process.execPath, "-e", code];
  return (await execa(file, args, { reject: false })).exitCode === 0;
}

async function eventually(text: () => string, words: RegExp): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (words.test(text())) return;
    await pause(100);
  }
  throw new Error(`not within a minute: ${words} in ${text()}`);
}
