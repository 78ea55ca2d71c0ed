import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type IpmiSim, startIpmiSim } from "../contract/power/ipmi-sim.ts";
import { openWorkspace, reason, type Workspace } from "./workspace.ts";

describe.skipIf(reason)("what belongs to whom", () => {
  let workspace: Workspace;
  let controllers: readonly IpmiSim[] = [];

  beforeAll(async () => {
    const users = [{ name: "admin", password: "secret", privilege: "operator" }] as const;
    controllers = await Promise.all([startIpmiSim({ users }), startIpmiSim({ users })]);
    workspace = await openWorkspace("rack", ["first", "second"]);
    await workspace.write(program(controllers));
    const { exitCode, text } = await workspace.pulumi("up", "--stack", "first", "--yes", "--skip-preview");
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
  });
  afterAll(async () => {
    await Promise.all(controllers.map((one) => one.stop()));
    await workspace?.close();
  });

  it.for([
    {
      what: "a name that another stack uses",
      knobs: {},
      says: /Node resource 'n1' has a problem: name: the name n1 is used by organization\/rack\/first on this site\. .*\[SITE_NAME_TAKEN\]/,
    },
    {
      what: "a controller that another stack uses",
      knobs: { names: ["n2", "n2-eth0"] },
      says: /power\.address: node n1 has the same controller, 127\.0\.0\.1:\d+\. .*\[NODE_SAME_CONTROLLER\]/,
    },
    {
      what: "a network card that another stack uses",
      knobs: { names: ["n2", "n2-eth0"], controller: 1 },
      says: /property mac value .* the MAC 52:54:00:00:00:01 belongs to Interface n1-eth0 of organization\/rack\/first already\. .*\[INTERFACE_MAC_TAKEN\]/,
    },
    {
      what: "a network card that the program declares twice",
      knobs: { names: ["n2", "n2-eth0"], controller: 1, mac: "5254.0000.0002", twin: "52:54:00:00:00:02" },
      says: /property mac value .* the MAC 52:54:00:00:00:02 belongs to Interface n2-eth[01] already\. .*\[INTERFACE_MAC_TAKEN\]/,
    },
  ])("refuses $what at preview", async ({ knobs, says }) => {
    await workspace.write(program(controllers, knobs));
    const { exitCode, text } = await workspace.pulumi("preview", "--stack", "second");
    expect(exitCode).not.toBe(0);
    expect(text).toMatch(says);
    expect(text).not.toMatch(/^ +at /m);
  });

  it("changes nothing for a stack whose state was copied from another", async () => {
    await copyState(workspace, "first", "second");
    await workspace.write(program(controllers));
    const { exitCode, text } = await workspace.pulumi("preview", "--stack", "second");
    expect(exitCode).not.toBe(0);
    expect(text).toMatch(
      /the state of n1 belongs to organization\/rack\/first, this stack is organization\/rack\/second\. .*\[SITE_OWNER_MOVED\]/,
    );
  });

  it.for([["refresh"], ["destroy"]])("lets a copied stack %s nothing either", async ([word = ""]) => {
    const words = [word, "--stack", "second", "--yes", "--skip-preview"];
    const { exitCode, text } = await workspace.pulumi(...words);
    expect(exitCode).not.toBe(0);
    expect(text).toContain("[SITE_OWNER_MOVED]");
    expect((await workspace.state("second")).size).toBeGreaterThan(0);
  });

  it("keeps what its lost store knew at a refresh, with a warning", async () => {
    await workspace.killHelper();
    await rm(join(workspace.folder, "state", "pulumi-baremetal"), { recursive: true });
    const { exitCode, text } = await workspace.pulumi(
      "refresh",
      "--stack",
      "first",
      "--yes",
      "--skip-preview",
    );
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
    expect(text).toContain("this site has no record of");
    expect((await workspace.state("first")).get("n1")?.outputs).toMatchObject({
      provisionState: "available",
    });
  });

  it("refuses to destroy what its site has no record of", async () => {
    const { exitCode, text } = await workspace.pulumi(
      "destroy",
      "--stack",
      "first",
      "--yes",
      "--skip-preview",
    );
    expect(exitCode).not.toBe(0);
    expect(text).toMatch(/this site has no record of n1.*\[SITE_LOST_RECORD\]/);
  });

  it("enrols again by an update, after which it can be destroyed", async () => {
    const up = await workspace.pulumi("up", "--stack", "first", "--yes");
    expect(up).toMatchObject({ exitCode: 0 });
    const { exitCode, text } = await workspace.pulumi(
      "destroy",
      "--stack",
      "first",
      "--yes",
      "--skip-preview",
    );
    expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
  });

  it("has switched nothing in all this", async () => {
    const calls = (await Promise.all(controllers.map((one) => one.calls()))).flat();
    expect(calls.length).toBeGreaterThan(0);
    expect(calls.filter(({ words }) => !words.startsWith("get "))).toEqual([]);
  });
});

interface Knobs {
  readonly names?: readonly string[];
  readonly controller?: number;
  readonly mac?: string;
  readonly twin?: string;
}

function program(controllers: readonly IpmiSim[], knobs: Knobs = {}): string {
  const { names: [node, card] = ["n1", "n1-eth0"], controller = 0, mac = "52:54:00:00:00:01", twin } = knobs;
  return `
const node = new baremetal.Node("${node}", {
  cpus: 2, memory: "4 GiB", disk: "20 GB",
  power: { driver: "ipmi", address: "127.0.0.1", port: ${controllers[controller]?.port}, user: "admin", password: "secret" },
});
new baremetal.Interface("${card}", { node, mac: "${mac}" });
${twin ? `new baremetal.Interface("n2-eth1", { node, mac: "${twin}" });` : ""}
`;
}

/** What people do by export, an editor and import. */
async function copyState({ folder, pulumi }: Workspace, from: string, to: string): Promise<void> {
  const file = join(folder, "backend", ".pulumi", "stacks", "rack", `${from}.json`);
  const { version, checkpoint } = JSON.parse(
    (await readFile(file, "utf8")).replaceAll(`urn:pulumi:${from}::`, `urn:pulumi:${to}::`),
  ) as { version: number; checkpoint: { latest: object } };
  const copy = join(folder, "copied.json");
  await writeFile(copy, JSON.stringify({ version, deployment: checkpoint.latest }));
  const { exitCode, text } = await pulumi("stack", "import", "--stack", to, "--file", copy);
  expect({ exitCode, text }).toMatchObject({ exitCode: 0 });
}
