import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { newContext } from "../../provider/kernel/context.ts";
import { clientOf } from "../../provider/site/client.ts";
import { socketOf } from "../../provider/site/settings.ts";
import { overSocket } from "../../provider/site/transport.ts";
import { ipmi } from "../lab/programs.ts";
import { endLanguageHosts, providersOf } from "./processes.ts";
import { openRack, type Rack, reason } from "./rack.ts";
import type { Begun } from "./workspace.ts";

const up = ["up", "--yes", "--stack", "dev", "--skip-preview"] as const;

describe.skipIf(reason)(`a Pulumi that ends in the middle${reason ? ` (left out: ${reason})` : ""}`, () => {
  let rack: Rack;
  const site = () => clientOf(overSocket(socketOf(join(rack.folder, "state", "pulumi-baremetal"))));
  const jobs = async () => (await site().about(newContext())).jobs;
  const listed = (what: "instances" | "nodes") => site()[what].list(newContext());

  /** Begin an update whose server boots a ramdisk that never calls, and wait until it does and the row says this. */
  const stuck = async (name: string, word: string): Promise<Begun> => {
    const begun = rack.begin(...up);
    await eventually(`"${word}"`, () => begun.sofar().includes(word));
    await eventually(`the start of ${name}`, () => rack.server(name).isOn());
    return begun;
  };
  const interruptTwice = async (begun: Begun) => {
    begun.kill("SIGINT");
    await eventually("the first ^C", () => begun.sofar().includes("^C received; cancelling"));
    begun.kill("SIGINT");
    expect((await begun.ended).exitCode).not.toBe(0);
  };
  /** The ramdisk calls from its next boot on, which begins now. */
  const unmute = async (name: string) => {
    const server = rack.server(name);
    await server.mishap("none");
    await ipmi(server, "chassis", "power", "reset");
  };

  beforeAll(async () => {
    rack = await openRack({ servers: ["u7", "u8"], site: { limits: { callback: "3 minutes" } } });
    for (const server of rack.servers) await server.mishap("mute");
  });
  afterEach(() => endLanguageHosts(rack.folder));
  afterAll(() => rack?.close());

  it("leaves the deployment to the helper, and the next update goes on with it: one deployment, one write", async () => {
    await rack.write(rack.program({ nodes: ["u7"] }));
    const first = await stuck(
      "u7",
      "it goes on after Ctrl-C; `npx pulumi-baremetal instances abort on-u7` ends it",
    );
    await interruptTwice(first);
    expect(await jobs()).toEqual(["instances/on-u7"]);
    const begun = (await listed("instances"))[0]?.["timeline"];

    const second = await stuck("u7", "waiting for the ramdisk (under way already)");
    for (const pid of await providersOf(rack.folder)) process.kill(pid, "SIGKILL");
    expect((await second.ended).exitCode).not.toBe(0);

    const third = await stuck("u7", "waiting for the ramdisk (under way already)");
    third.kill("SIGKILL");
    await third.ended;
    await eventually("the end of its provider", async () => (await providersOf(rack.folder)).length === 0);
    expect(await jobs()).toEqual(["instances/on-u7"]);
    expect((await rack.pulumi(...up)).text).toContain("`pulumi cancel`");
    expect(await rack.pulumi("cancel", "--yes", "--stack", "dev")).toMatchObject({ exitCode: 0 });

    const last = await stuck("u7", "waiting for the ramdisk (under way already)");
    await unmute("u7");
    const { exitCode, text } = await last.ended;
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    const web = (await rack.state("dev")).get("on-u7")?.outputs;
    expect(web).toMatchObject({ provisionState: "active", answered: true, verified: "full" });
    const timeline = web?.["timeline"] as readonly { readonly step: string }[];
    expect(timeline).toEqual(expect.arrayContaining(begun as unknown[]));
    expect(timeline.filter(({ step }) => step === "write")).toHaveLength(1);
    expect(await listed("instances")).toHaveLength(1);
    expect(await rack.pulumi(...up, "--expect-no-changes")).toMatchObject({ exitCode: 0 });
  }, 240_000);

  it("takes a deployment with it that says so: server off, nothing served to it, its node free", async () => {
    await rack.write(
      rack.program({ instances: { "on-u7": { node: "u7" }, web: { node: "u8", onDetach: "abort" } } }),
    );
    const first = await stuck("u8", "a second Ctrl-C ends it");
    await interruptTwice(first);
    await eventually("the end of the deployment", async () => (await jobs()).length === 0);
    expect(await rack.server("u8").isOn()).toBe(false);
    expect(await rack.menus()).not.toContain("u8");
    const node = (await listed("nodes")).find(({ name }) => name === "u8");
    expect(node).toMatchObject({ provisionState: "available", lastError: "" });
    await rack.server("u8").mishap("none");
    expect(await rack.pulumi(...up)).toMatchObject({ exitCode: 0 });
    expect((await rack.state("dev")).get("web")?.outputs).toMatchObject({ provisionState: "active" });
  }, 240_000);
});

async function eventually(what: string, ask: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    if (await ask()) return;
    await pause(200);
  }
  throw new Error(`${what} did not come within a minute`);
}
