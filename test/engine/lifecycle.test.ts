import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type IpmiSim, type SimOptions, startIpmiSim } from "../contract/power/ipmi-sim.ts";
import { openWorkspace, reason, silentPort, type Workspace } from "./workspace.ts";

const secret = "Planted-7f3kQ";
const mistyped = "Wrong-9dJ2";
const up = ["up", "--yes", "--stack", "dev"] as const;
const quick = ["--yes", "--stack", "dev", "--skip-preview"] as const;

describe.skipIf(reason)(`the life of a stack${reason ? ` (left out: ${reason})` : ""}`, () => {
  let workspace: Workspace;
  let controllers: readonly IpmiSim[] = [];

  beforeAll(async () => {
    const serials = ["ONE", "TWO", "THREE", "ELSE"];
    controllers = await Promise.all(serials.map((serial) => startIpmiSim(controller(serial))));
    await controllers[1]?.turn("on");
    workspace = await openWorkspace("life", ["dev"], secret);
  });
  afterAll(async () => {
    await Promise.all(controllers.map((one) => one.stop()));
    await workspace?.close();
  });

  it("creates what is declared, though some values are known only then", async () => {
    await workspace.write(program(controllers));
    const { text, exitCode } = await workspace.pulumi(...up);
    expect(text).toContain("+ 7 to create");
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    const state = await workspace.state("dev");
    expect(state.get("one")?.outputs).toMatchObject({
      provisionState: "available",
      powerState: "off",
      reachable: true,
      serial: "ONE",
      controller: { manufacturer: "ACME", model: "R1", serial: "ONE" },
      capabilities: { rack: "r1" },
      assignedInstance: "",
      lastError: "",
      siteId: expect.any(String),
    });
    expect(state.get("one-eth0")?.outputs).toMatchObject({ mac: "52:54:00:0a:0b:01", node: "one" });
    expect(state.get("named")).toMatchObject({ id: "card-of-ONE", outputs: { mac: "52:54:00:0a:0b:02" } });
    expect(state.get("small")?.inputs["digest"]).toMatch(/^sha256:/);
  });

  it("leaves a server that was found switched on to whoever runs it", async () => {
    const state = await workspace.state("dev");
    expect(state.get("two")?.outputs).toMatchObject({ provisionState: "manageable", powerState: "on" });
  });

  it("finds nothing to do a second time", async () => {
    const { text, exitCode } = await workspace.pulumi("up", ...quick, "--expect-no-changes");
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    expect(text).toContain("7 unchanged");
  });

  it("refreshes nothing that has not changed", async () => {
    const { text, exitCode } = await workspace.pulumi("refresh", ...quick, "--expect-no-changes");
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
  });

  it("tries new settings of a controller before it keeps them, after the helper was killed too", async () => {
    await workspace.killHelper();
    const [, , , other] = controllers;
    const wrong = { rack: "r2", passwordOfTwo: JSON.stringify(mistyped), portOfThree: other?.port };
    await workspace.write(program(controllers, { ...wrong, four: silentPort }));
    const { text, exitCode } = await workspace.pulumi("up", ...quick, "--continue-on-error");
    expect(exitCode).not.toBe(0);
    expect(text).toMatch(/refuses the login of admin.*Correct `power.user`.*\[POWER_DENIED\]/);
    expect(text).toMatch(
      /sits in another machine: its serial number is ELSE, expected was THREE.*Nothing was switched.*\[POWER_OTHER_MACHINE\]/,
    );
    expect(text).toMatch(/does not answer.*Check that the controller has power.*\[POWER_UNREACHABLE\]/);
    expect(text).not.toMatch(/^ +at /m);
    const state = await workspace.state("dev");
    expect(state.get("one")?.outputs["capabilities"]).toEqual({ rack: "r2" });
    expect(state.get("three")?.outputs["capabilities"]).toEqual({ rack: "r1" });
    expect(state.has("four")).toBe(false);
  });

  it("kept the old ones: with them there is nothing to do", async () => {
    await workspace.write(program(controllers, { rackOfOne: "r2" }));
    const { text, exitCode } = await workspace.pulumi("up", ...quick, "--expect-no-changes");
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
  });

  it("shows a password nowhere", async () => {
    const shown = await workspace.pulumi("stack", "export", "--stack", "dev", "--show-secrets");
    expect(shown.text).toContain(secret); // so this would find it
    const exported = await workspace.pulumi("stack", "export", "--stack", "dev");
    expect(exported.text).toContain("127.0.0.1");
    expect(exported.text).not.toContain(secret);
    expect(await workspace.ipmitool()).toContain("exec /dev/stdin");
    expect(await workspace.ipmitool()).not.toContain(secret);
    expect(await workspace.placesOf(secret)).toEqual([]);
    // The program that wrote it down has been mended: nothing else may hold it.
    expect(await workspace.placesOf(mistyped)).toEqual([]);
    expect(workspace.said().replace(shown.text, "")).not.toContain(secret);
  });

  it("destroys all of it and has switched nothing", async () => {
    const { text, exitCode } = await workspace.pulumi("destroy", ...quick);
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    expect((await workspace.state("dev")).size).toBe(0);
    const calls = (await Promise.all(controllers.map((one) => one.calls()))).flat();
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.filter(({ words }) => !words.startsWith("get "))).toEqual([]);
  });
});

interface Knobs {
  readonly rack?: string;
  readonly rackOfOne?: string;
  readonly passwordOfTwo?: string;
  readonly portOfThree?: number | undefined;
  readonly four?: number;
}

// `two` has a secret, `named` a name and a MAC that Pulumi does not know before the update.
function program(controllers: readonly IpmiSim[], knobs: Knobs = {}): string {
  const { rack = "r1", rackOfOne = rack, passwordOfTwo = "one.serial.apply(() => password)", four } = knobs;
  const [first, second, third] = controllers.map(({ port }) => port);
  const power = (port: number | undefined, password = "password") =>
    `{ driver: "ipmi", address: "127.0.0.1", port: ${port}, user: "admin", password: ${password} }`;
  return `
const password = config.requireSecret("password");
const size = { cpus: 2, memory: "4 GiB", disk: "20 GB" } as const;
const one = new baremetal.Node("one", { ...size, power: ${power(first)}, capabilities: { rack: "${rackOfOne}" } });
const two = new baremetal.Node("two", { ...size, power: ${power(second, passwordOfTwo)} });
const three = new baremetal.Node("three", { ...size, power: ${power(knobs.portOfThree ?? third)}, capabilities: { rack: "${rack}" } });
${four ? `new baremetal.Node("four", { ...size, power: ${power(four)} });` : ""}
new baremetal.Interface("one-eth0", { node: one, mac: "52-54-00-0A-0B-01" });
new baremetal.Interface("named", {
  name: one.serial.apply((serial) => \`card-of-\${serial}\`),
  node: one,
  mac: one.serial.apply(() => "5254.000a.0b02"),
});
new baremetal.Flavor("small", { cpus: 1, memory: "2 GiB", rootDisk: "10 GiB" });
export const states = [one, two, three].map((node) => node.provisionState);
`;
}

const controller = (serial: string): SimOptions => ({
  users: [{ name: "admin", password: secret, privilege: "admin" }],
  guid: Buffer.from(serial.padEnd(16, "-")).toString("hex"),
  product: { manufacturer: "ACME", model: "R1", serial },
});
