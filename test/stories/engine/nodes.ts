import type { Case } from "../lib/engine.ts";
import { installed } from "./base.ts";

/** What a change of a Node or an Interface does: nothing to a server. */
export const nodes: readonly Case[] = [
  [
    "Node, sizes: in place",
    async ({ write, run }) => {
      await write({ nodeArgs: { u1: { cpus: 2, memory: "1 GiB", disk: "8 GiB" } } });
      await run("up --yes", { says: ["~ 1 updated", "[diff: ~cpus,disk,memory]"] });
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "Node, capabilities: in place",
    async ({ write, run }) => {
      await write({ nodeArgs: { u1: { capabilities: { rack: "r9" } } } });
      await run("up --yes", { says: ["~ 1 updated", "~capabilities"] });
    },
  ],
  [
    "Node, address of the controller: in place, and tried first",
    async ({ rack, write, run }) => {
      const { bmc } = rack.server("u1");
      await write({ nodeArgs: { u1: { power: { driver: "ipmi", ...bmc, address: "localhost" } } } });
      await run("up --yes", { says: ["~ 1 updated", "~power"] });
    },
  ],
  [
    "Node, wrong password: refused by up, and the old one is kept",
    async ({ rack, write, run }) => {
      const { bmc } = rack.server("u1");
      await write({ nodeArgs: { u1: { power: { driver: "ipmi", ...bmc, password: "wrong" } } } });
      await run("preview", { says: ["~ 1 to update"] });
      await run("up --yes --skip-preview", { fails: true, says: ["[POWER_DENIED]"] });
      await write();
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "Node, the controller of another server: refused",
    async ({ rack, write, run }) => {
      const power = { driver: "ipmi", ...rack.server("u4").bmc };
      await write({ nodes: ["u1", "u2", "u3"], nodeArgs: { u1: { power } } });
      await run("preview", { fails: true, says: ["[NODE_SAME_CONTROLLER]"] });
    },
  ],
  [
    "Node, maintenance: in place; a power action is refused meanwhile",
    async ({ write, run }) => {
      const nodeArgs = { u1: { maintenance: true } };
      await write({ nodeArgs });
      await run("up --yes --skip-preview", { says: ["~ 1 updated", "~maintenance"] });
      await write({ nodeArgs, instances: { ...installed, web: { node: "u1", power: "off" } } });
      await run("preview", { fails: true, says: ["[DEPLOY_MAINTENANCE]"] });
      await write();
      await run("up --yes --skip-preview", { says: ["~ 1 updated"] });
    },
  ],
  [
    "Node, resetTrigger: in place",
    async ({ write, run }) => {
      await write({ nodeArgs: { u1: { resetTrigger: "1" } } });
      await run("up --yes", { says: ["~ 1 updated", "+resetTrigger"] });
    },
  ],
  [
    "Interface, address while nobody uses it: in place",
    async ({ write, run }) => {
      await write({ cardArgs: { "u3-eth0": { address: "10.99.0.77" } } });
      await run("up --yes", { says: ["~ 1 updated", "+address"] });
    },
  ],
  [
    "Interface, address under an instance: in place, the DHCP entry is written again",
    async ({ write, run, say, outputs }) => {
      const before = (await outputs("web"))["address"];
      await write({ cardArgs: { "u1-eth0": { address: "10.99.0.78" } } });
      await run("up --yes", { says: ["+address"] });
      await run("refresh --yes --skip-preview");
      say(`web.address: ${before}, then ${(await outputs("web"))["address"]}`);
      await run("up --yes --skip-preview");
    },
  ],
  [
    "Interface, mac while nobody uses it: in place",
    async ({ write, run }) => {
      await write({ cardArgs: { "u3-eth0": { mac: "52:54:00:99:99:01" } } });
      await run("up --yes", { says: ["~ 1 updated", "~mac"] });
    },
  ],
  [
    "Interface, mac under an instance: refused",
    async ({ write, run }) => {
      await write({ cardArgs: { "u1-eth0": { mac: "52:54:00:99:99:02" } } });
      await run("preview", { fails: true, says: ["[INTERFACE_IN_USE]"] });
      await run("up --yes --skip-preview", { fails: true, says: ["[INTERFACE_IN_USE]"] });
    },
  ],
  [
    "Interface, node while nobody uses it: replaced",
    async ({ write, run }) => {
      await write({ cardArgs: { "u3-eth0": { node: "u4" } } });
      await run("up --yes", { says: ["+-1 replaced", "~node"] });
    },
  ],
  [
    "Interface, node under an instance: refused",
    async ({ write, run }) => {
      await write({ cardArgs: { "u1-eth0": { node: "u4" } } });
      await run("preview", { fails: true, says: ["[INTERFACE_IN_USE]"] });
    },
  ],
];
