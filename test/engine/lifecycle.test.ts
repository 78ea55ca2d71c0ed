import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type IpmiSim, type SimOptions, startIpmiSim } from "../contract/power/ipmi-sim.ts";
import { openWorkspace, reason, type Workspace } from "./workspace.ts";

const secret = "Planted-7f3kQ";
const up = ["up", "--yes", "--stack", "dev"] as const;

describe.skipIf(reason)(`the life of a stack${reason ? ` (left out: ${reason})` : ""}`, () => {
  let [workspace, controllers] = [undefined as unknown as Workspace, [] as IpmiSim[]];
  const sim = (index: number) => controllers[index] as IpmiSim;

  beforeAll(async () => {
    controllers = await Promise.all(["ONE", "TWO", "THREE"].map((serial) => startIpmiSim(controller(serial))));
    await sim(1).turn("on");
    workspace = await openWorkspace("life", ["dev"], secret);
  });
  afterAll(async () => {
    await workspace?.close();
    await Promise.all(controllers.map((one) => one.stop()));
  });

  it("creates what is declared, though some values are known only then", async () => {
    await workspace.write(program(controllers, { more: later }));
    const { text, exitCode } = await workspace.pulumi(...up);
    console.log(text);
    expect(exitCode).toBe(0);
    const state = await workspace.state("dev");
    expect(state.get("one")?.outputs).toMatchObject({
      provisionState: "available",
      powerState: "off",
      reachable: true,
      serial: "ONE",
      controller: { manufacturer: "ACME", model: "R1" },
      capabilities: { rack: "r1" },
      lastError: "",
    });
  });
});

interface Knobs {
  readonly rack?: string;
  readonly passwordOfTwo?: string;
  readonly more?: string;
}

function program(controllers: readonly IpmiSim[], { rack = "r1", passwordOfTwo = "password", more = "" }: Knobs): string {
  const power = (index: number, password = "password") =>
    `{ driver: "ipmi", address: "127.0.0.1", port: ${controllers[index]?.port}, user: "admin", password: ${password} }`;
  return `
const password = config.requireSecret("password");
const size = { cpus: 2, memory: "4 GiB", disk: "20 GB" } as const;
const one = new baremetal.Node("one", { ...size, power: ${power(0)}, capabilities: { rack: "${rack}" } });
const two = new baremetal.Node("two", { ...size, power: ${power(1, passwordOfTwo)} });
const three = new baremetal.Node("three", { ...size, power: ${power(2)}, capabilities: { rack: "${rack}" } });
const card = new baremetal.Interface("one-eth0", { node: one, mac: "52-54-00-0A-0B-01" });
const flavor = new baremetal.Flavor("small", { cpus: 1, memory: "2 GiB", rootDisk: "10 GiB" });
export const states = [one, two, three].map((node) => node.provisionState);
export const mac = card.mac;
${more}`;
}

// Values that Pulumi does not know at preview: an input, a name, a secret, and what another resource is told of them.
const later = `
const named = new baremetal.Interface("named", {
  name: one.serial.apply((serial) => \`card-of-\${serial}\`),
  node: two,
  mac: two.serial.apply(() => "5254.000a.0b02"),
});
export const name = named.name;
`;

const controller = (serial: string): SimOptions => ({
  users: [{ name: "admin", password: secret, privilege: "admin" }],
  guid: [...serial.padEnd(16, "-")].map((letter) => letter.charCodeAt(0).toString(16)).join(""),
  product: { manufacturer: "ACME", model: "R1", serial },
});
