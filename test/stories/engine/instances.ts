import { type Case, commands } from "../lib/engine.ts";
import { installed, withWeb } from "./base.ts";

/** What a change of a Flavor, an Image or an Instance does to the server. */
export const instances: readonly Case[] = [
  [
    "Flavor, layout: each instance plans a reinstall",
    async ({ write, run }) => {
      await write({ flavor: { swap: "256 MiB" } });
      await run("preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]", "(db, web)"] });
    },
  ],
  [
    "Flavor, cpus that the node still has: in place",
    async ({ write, run }) => {
      await write({ flavor: { memory: "512 MiB" } });
      await run("up --yes", { says: ["~ 1 updated", "~memory"] });
    },
  ],
  [
    "Flavor, cpus that a pinned node has no more: no node fits",
    async ({ write, run }) => {
      await write({ flavor: { cpus: 2 } });
      await run("preview", { fails: true, says: [/\[INSTANCE_/] });
      await write({ flavor: { cpus: 2 }, instances: { web: { node: "u1", allowReinstall: true } } });
      await run("preview", { fails: true, says: ["[INSTANCE_NO_NODE]"] });
      await run("up --yes --skip-preview", { fails: true, says: ["[INSTANCE_NO_NODE]"] });
    },
  ],
  [
    "Flavor, cpus that the node has no more, with candidates: another one takes its place",
    async ({ write, run, outputs }) => {
      const nodeArgs = { u3: { cpus: 2 } };
      const wanted = { web: { candidates: ["u1", "u3"] } };
      await write({ nodeArgs, instances: wanted });
      await run("up --yes --skip-preview", { sets: { u2: commands.off } });
      await write({ nodeArgs, instances: wanted, flavor: { cpus: 2 } });
      await run("preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
      await write({
        nodeArgs,
        instances: wanted,
        flavor: { cpus: 2 },
        instance: { allowReinstall: ["flavor"] },
      });
      await run("up --yes", { says: ["+-1 replaced"], sets: { u1: commands.off, u3: commands.install } });
      if ((await outputs("web"))["assignedNode"] !== "u3") throw new Error("it is elsewhere");
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "Image, another name and the same bytes: nothing is written",
    async ({ rack, write, run }) => {
      const { path, checksum } = rack.images.whole.disk;
      await write({ ...withWeb({ image: "same" }), images: { same: { source: path, checksum } } });
      await run("up --yes", { says: ["~image"] });
    },
  ],
  [
    "Instance, another image: reinstalled on the same node",
    async ({ write, run }) => {
      await write(withWeb({ image: "partition" }));
      await run("preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
      await write(withWeb({ image: "partition", allowReinstall: ["image"] }));
      // A partition image boots over the network ever after.
      await run("up --yes", { sets: { u1: [...commands.reinstall.slice(0, -1), "set boot pxe"] } });
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "Instance, power off and on",
    async ({ write, run }) => {
      await write(withWeb({ power: "off" }));
      await run("up --yes", { says: ["~power"], sets: { u1: commands.shutdown } });
      await write();
      await run("up --yes", { says: ["~power"], sets: { u1: commands.on } });
    },
  ],
  [
    "Instance, rebootTrigger: rebooted",
    async ({ write, run }) => {
      await write(withWeb({ rebootTrigger: "1" }));
      await run("up --yes", {
        says: ["+rebootTrigger"],
        sets: { u1: [...commands.shutdown, ...commands.on] },
      });
    },
  ],
  [
    "Instance, waitFor: in place, and waited for",
    async ({ write, run }) => {
      await write(withWeb({ waitFor: "written" }));
      await run("up --yes", { says: ["~waitFor"] });
    },
  ],
  [
    "Instance, timeouts, onDelete, verify, wipe: in place",
    async ({ write, run }) => {
      await write(
        withWeb({ timeouts: { answer: "2 minutes" }, onDelete: "keep", verify: "sampled", wipe: true }),
      );
      await run("up --yes", { says: ["~ 1 updated"] });
    },
  ],
  [
    "Instance, locked: in place; then power off, reboot, reinstall, replacement and delete are refused",
    async ({ write, run }) => {
      await write(withWeb({ locked: true }));
      await run("up --yes", { says: ["~locked"] });
      await write(withWeb({ locked: true, power: "off" }));
      await run("preview", { fails: true, says: ["[INSTANCE_LOCKED]"] });
      await write(withWeb({ locked: true, rebootTrigger: "1" }));
      await run("preview", { fails: true, says: ["[INSTANCE_LOCKED]"] });
      await write(withWeb({ locked: true, image: "partition", allowReinstall: true }));
      await run("preview", { fails: true, says: ["[INSTANCE_LOCKED]"] });
      await write(withWeb({ locked: true, node: "u3", allowReinstall: true }));
      await run("preview", { fails: true, says: ["[INSTANCE_LOCKED]"] });
      await write({ instances: { db: { node: "u2" } } });
      await run("preview");
      await run("up --yes --skip-preview", { fails: true, says: ["[INSTANCE_LOCKED]"] });
      await write();
      await run("up --yes --skip-preview");
    },
  ],
  [
    "Instance, rootDeviceHints: reinstalled",
    async ({ write, run }) => {
      const rootDeviceHints = { serial: "u1-0" };
      await write(withWeb({ rootDeviceHints }));
      await run("preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
    },
  ],
  [
    "Instance, node: replaced, deleted first",
    async ({ write, run, outputs }) => {
      await write(withWeb({ node: "u3" }));
      await run("preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
      await write(withWeb({ node: "u3", allowReinstall: ["node"] }));
      await run("up --yes", { says: ["+-1 replaced"], sets: { u1: commands.off, u3: commands.install } });
      if ((await outputs("web"))["assignedNode"] !== "u3") throw new Error("it is elsewhere");
    },
  ],
  [
    "Instance, node that another instance holds: refused before anything is released",
    async ({ write, run }) => {
      await write(withWeb({ node: "u2", allowReinstall: true }));
      await run("preview", { fails: true, says: ["[INSTANCE_NO_NODE]", "instance db holds it"] });
      await run("up --yes --skip-preview", { fails: true, says: ["[INSTANCE_NO_NODE]"] });
    },
  ],
  [
    "Instance, from node to candidates that hold it: in place",
    async ({ write, run }) => {
      await write({ instances: { ...installed, web: { candidates: ["u1", "u3"] } } });
      await run("up --yes", { says: ["~ 1 updated", "+candidates"] });
    },
  ],
  [
    "Instance, candidates that hold it no more: replaced",
    async ({ write, run }) => {
      await write({ instances: { ...installed, web: { candidates: ["u3"] } } });
      await run("preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
    },
  ],
  [
    "Instance, interfaces: in place",
    async ({ write, run }) => {
      await write(withWeb({ interfaces: [] }));
      await run("up --yes", { says: ["~interfaces"] });
    },
  ],
  [
    "Instance, onDelete keep, deleted: it goes on running, and its node is offered to nobody",
    async ({ write, run, outputs, say }) => {
      await write(withWeb({ onDelete: "keep" }));
      await run("up --yes --skip-preview");
      await write({ instances: { db: { node: "u2" } } });
      await run("up --yes", { says: ["- 1 deleted"] });
      await run("refresh --yes --skip-preview");
      say(`u1 is ${(await outputs("u1"))["provisionState"]}`);
      await write(withWeb({ adopt: true }));
      await run("up --yes", { says: ["adopts: "] });
    },
  ],
  [
    "Instance, deleted: switched off, its disk as it is",
    async ({ write, run }) => {
      await write({ instances: { db: { node: "u2" } } });
      await run("up --yes", { says: ["- 1 deleted"], sets: { u1: commands.off } });
    },
  ],
];
