import { ownImage, tokenIn } from "../../engine/own-image.ts";
import { type Case, commands } from "../lib/engine.ts";
import { check } from "../lib/story.ts";
import { installed, withWeb } from "./base.ts";

const urnOf = (kind: string, name: string) =>
  `urn:pulumi:dev::rack::pulumi-nodejs:dynamic/baremetal:${kind}::${name}`;

/** What Pulumi's own options do here. */
export const options: readonly Case[] = [
  [
    "option protect: Pulumi refuses the deletion, we refuse reinstall and power-off",
    async ({ write, run }) => {
      const protect = { options: { protect: true } };
      await write(withWeb(protect));
      await run("up --yes --skip-preview");
      await write({ instances: { db: { node: "u2" } } });
      await run("up --yes --skip-preview", { fails: true, says: ["protect"] });
      await run(`destroy --yes --skip-preview --target ${urnOf("Instance", "web")}`, {
        fails: true,
        says: ["protect"],
      });
      await write(withWeb({ ...protect, image: "partition", allowReinstall: true }));
      await run("preview", { fails: true, says: ["[INSTANCE_PROTECTED]"] });
      await write(withWeb({ ...protect, power: "off" }));
      await run("preview", { fails: true, says: ["[INSTANCE_PROTECTED]"] });
      await write(withWeb({ options: { protect: false }, power: "off" }));
      await run("up --yes", { sets: { u1: commands.shutdown } });
    },
  ],
  [
    "option protect on a Node: only Pulumi knows of it",
    async ({ write, run }) => {
      await write({ nodeArgs: { u4: { options: { protect: true } } } });
      await run("up --yes --skip-preview");
      await write({ nodes: ["u1", "u2", "u3"] });
      await run("preview", { fails: true, says: ["protect"] });
      await write();
      await run("up --yes --skip-preview");
    },
  ],
  [
    "option retainOnDelete: the server goes on running, and is taken back when it is declared again",
    async ({ write, run }) => {
      await write(withWeb({ options: { retainOnDelete: true } }));
      await run("up --yes --skip-preview");
      await write({ instances: { db: { node: "u2" } } });
      await run("up --yes");
      await write({ nodes: ["u2", "u3", "u4"], instances: { db: { node: "u2" } } });
      await run("up --yes --skip-preview", { fails: true, says: ["IN_USE]"] });
      await write();
      await run("up --yes", { says: ["+ "] });
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "option ignoreChanges imageDigest: a new build of the image changes nothing",
    async ({ rack, write, run }) => {
      const image = await ownImage(rack);
      const knobs = { ...image.knobs, instance: { options: { ignoreChanges: ["imageDigest"] } } };
      await write(knobs);
      await run("up --yes", { says: ["~digest"] });
      await image.change();
      await run("up --yes");
      await run("up --yes --skip-preview --expect-no-changes");
      await run("refresh --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "option ignoreChanges imageDigest, and a reinstall for another reason: refused, the old image is gone",
    async ({ rack, write, run }) => {
      const { knobs } = await ownImage(rack);
      const options = { ignoreChanges: ["imageDigest"] };
      const only = { ...knobs, instances: { web: { node: "u1", options } } };
      await write(only);
      await run("up --yes --skip-preview", { sets: { u2: commands.off } });
      await write({ ...only, flavor: { swap: "256 MiB" }, instance: { allowReinstall: ["flavor"] } });
      await run("preview", { fails: true, says: ["[INSTANCE_IMAGE_IGNORED]"] });
      await run("up --yes --skip-preview", { fails: true, says: ["[INSTANCE_IMAGE_IGNORED]"] });
    },
  ],
  [
    "option ignoreChanges power: what somebody switched by hand is left",
    async ({ rack, write, run }) => {
      await write(withWeb({ options: { ignoreChanges: ["power"] } }));
      await run("up --yes --skip-preview");
      await rack.server("u1").pull();
      await run("refresh --yes --skip-preview");
      await run("up --yes");
      await write();
      await run("up --yes", { sets: { u1: commands.on } });
    },
  ],
  [
    "option replaceOnChanges: not heard of, the change does what it does",
    async ({ write, run }) => {
      const replaceOnChanges = { options: { replaceOnChanges: ["rebootTrigger"] } };
      await write(withWeb({ ...replaceOnChanges, rebootTrigger: "1" }));
      await run("preview", { says: ["~ 1 to update"], never: ["replace"] });
    },
  ],
  [
    "option deleteBeforeReplace false: it is deleted first all the same",
    async ({ write, run }) => {
      await write(withWeb({ node: "u3", allowReinstall: ["node"], options: { deleteBeforeReplace: false } }));
      await run("up --yes", { says: ["+-1 replaced"], sets: { u1: commands.off, u3: commands.install } });
    },
  ],
  [
    "option dependsOn: whoever names no node waits for those that there are to be",
    async ({ rack, write, run, outputs }) => {
      await write({ nodes: ["u1", "u2"] });
      await run("up --yes --skip-preview");
      await write({ instances: { ...installed, app: {} } });
      await run("up --yes", { says: ["claim a node"], sets: { u3: commands.install } });
      check((await outputs("app"))["assignedNode"] === "u3", "it is elsewhere");
      check(await rack.server("u3").isOn(), "it is off");
    },
  ],
  [
    "option aliases: another logical name keeps name and server",
    async ({ write, run }) => {
      await write({
        instances: { db: { node: "u2" }, shop: { node: "u1", options: { aliases: [{ name: "web" }] } } },
      });
      await run("up --yes");
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "another logical name without an alias: refused before anything is deleted",
    async ({ write, run }) => {
      await write({ instances: { db: { node: "u2" }, shop: { node: "u1" } } });
      await run("up --yes --skip-preview", { fails: true, says: ["[INSTANCE_NO_NODE]", "alias"] });
    },
  ],
  [
    "another logical name and the same `name`: taken over as it stands",
    async ({ write, run }) => {
      await write({ instances: { db: { node: "u2" }, shop: { name: "web", node: "u1" } } });
      await run("up --yes", { says: ["+ 1 created", "- 1 deleted"] });
      await run("up --yes --skip-preview --expect-no-changes");
      await run("refresh --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "two resources of one name: refused",
    async ({ write, run }) => {
      await write({ instances: { ...installed, shop: { name: "web", node: "u1" } } });
      await run("preview", { fails: true, says: ["[SITE_NAME_TAKEN]", "of this program"] });
    },
  ],
  [
    "option customTimeouts: not heard of; timeouts are",
    async ({ write, run }) => {
      const app = { node: "u3", options: { customTimeouts: { create: "1s" } } };
      await write({ instances: { ...installed, app } });
      await run("up --yes --skip-preview", { sets: { u3: commands.install } });
    },
  ],
  [
    "option import: cannot be done",
    async ({ write, run }) => {
      await write({ instances: { ...installed, app: { node: "u3", options: { import: "app" } } } });
      await run("preview", { fails: true, anything: true });
    },
  ],
  [
    "--target: the others stay as they are",
    async ({ rack, write, run }) => {
      const { knobs } = await ownImage(rack);
      await write({ ...knobs, instance: { allowReinstall: ["image"] } });
      await run(`up --yes --skip-preview --target ${urnOf("Instance", "web")}`);
      await run(`up --yes --target ${urnOf("Image", "whole")} --target ${urnOf("Instance", "web")}`, {
        says: ["1 of at most 1"],
        sets: { u1: commands.reinstall },
      });
      await run(`up --yes --skip-preview --target ${urnOf("Instance", "db")}`, {
        sets: { u2: commands.reinstall },
      });
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "--replace: meets the gate before anything is deleted; allowed, it deletes and creates",
    async ({ write, run, outputs }) => {
      const words = `--replace ${urnOf("Instance", "web")}`;
      const before = await outputs("web");
      await run(`preview ${words}`, { says: ["has to be allowed by"] });
      const { text } = await run(`up --yes --skip-preview ${words}`, {
        fails: true,
        says: ["[INSTANCE_WOULD_ERASE]"],
      });
      await write(withWeb({ allowReinstall: ["image"] }));
      await run(`up --yes --skip-preview ${words}`, { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
      await write(withWeb({ allowReinstall: tokenIn(text) }));
      await run(`up --yes ${words}`, {
        says: ["+-1 replaced"],
        sets: { u1: [...commands.off, ...commands.install] },
      });
      check((await outputs("web"))["assignedNode"] === before["assignedNode"], "it is elsewhere");
      await run("up --yes --skip-preview --expect-no-changes");
      await run(`up --yes --skip-preview ${words}`, { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
    },
  ],
  [
    "state taint: as --replace",
    async ({ run }) => {
      await run(`state taint ${urnOf("Instance", "web")} --yes`);
      await run("up --yes --skip-preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
      await run(`state untaint ${urnOf("Instance", "web")} --yes`);
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "--replace a Node that an instance is on: refused",
    async ({ run }) => {
      await run(`up --yes --skip-preview --replace ${urnOf("Node", "u1")}`, {
        fails: true,
        says: ["IN_USE]"],
      });
    },
  ],
  [
    "destroy --run-program: as destroy",
    async ({ run }) => {
      await run("destroy --yes --skip-preview --run-program", {
        sets: { u1: commands.off, u2: commands.off },
      });
    },
  ],
  [
    "--refresh: what somebody switched off is found and switched on in one run",
    async ({ rack, run }) => {
      await rack.server("u1").pull();
      await run("up --yes --skip-preview --refresh", { sets: { u1: commands.on } });
    },
  ],
];
