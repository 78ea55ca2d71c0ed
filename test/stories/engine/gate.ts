import { declare } from "../../engine/declare.ts";
import { ownImage, tokenIn } from "../../engine/own-image.ts";
import { type Case, commands } from "../lib/engine.ts";
import { check } from "../lib/story.ts";
import { base, withWeb } from "./base.ts";

/** What may erase an installed system, and what is shown before. */
export const gate: readonly Case[] = [
  [
    "Image, other bytes: refused, allowed by its token once, and refused again",
    async ({ rack, write, run, outputs }) => {
      const image = await ownImage(rack);
      const only = { ...image.knobs, instances: { web: { node: "u1" } } };
      await write({ instances: { web: { node: "u1" } } });
      await run("up --yes --skip-preview", { sets: { u2: commands.off } });
      await write(only);
      const refused = await run("preview", {
        fails: true,
        says: ["[INSTANCE_WOULD_ERASE]", "serial LAB-u1", "PAPER_DISK_u1"],
      });
      await run("up --yes --skip-preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
      const before = await outputs("web");
      const allowed = { ...only, instance: { allowReinstall: tokenIn(refused.text) } };
      await write(allowed);
      await run("up --yes", {
        says: ["reinstalls: power u1 off", "erases disk"],
        sets: { u1: commands.reinstall },
      });
      const after = await outputs("web");
      check(after["assignedNode"] === "u1" && after["address"] === before["address"], "it is elsewhere");
      check(after["installedDigest"] !== before["installedDigest"], "it is the old system");
      await run("up --yes --skip-preview --expect-no-changes");
      await image.change();
      const again = await run("preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
      check(tokenIn(again.text) !== tokenIn(refused.text), "the token is the same");
    },
  ],
  [
    "allowReinstall, names of fields: those and no others",
    async ({ rack, write, run }) => {
      const { knobs } = await ownImage(rack);
      await write({ ...knobs, ...withWeb({ allowReinstall: ["flavor"] }) });
      await run("preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
      await write({ ...knobs, instances: { web: { node: "u1", allowReinstall: ["image"] } } });
      await run("up --yes --skip-preview", { sets: { u1: commands.reinstall, u2: commands.off } });
      await write({
        ...knobs,
        flavor: { swap: "256 MiB" },
        instances: { web: { node: "u1", allowReinstall: ["image"] } },
      });
      await run("preview", { fails: true, says: ["the change of flavor reinstalls"] });
    },
  ],
  [
    "allowReinstall: true is mentioned at each preview",
    async ({ write, run }) => {
      await write(withWeb({ allowReinstall: true }));
      await run("up --yes", { says: ["`allowReinstall: true` stays"] });
      await run("preview", { says: ["`allowReinstall: true` stays"] });
    },
  ],
  [
    "Unknown image source, other bytes: the preview says that it may erase, the update meets the gate",
    async ({ rack, write, run }) => {
      const { path } = await ownImage(rack);
      const knobs = { ...base, nodes: ["u1", "u2", "u3"] };
      await write(knobs);
      await run("up --yes --skip-preview");
      await write({ ...base, images: { whole: later(path) } });
      await run("preview", { says: ["may erase"], never: ["[INSTANCE_", "replace"] });
      await run("up --yes --skip-preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
    },
  ],
  [
    "Unknown image source, the same bytes: nothing is written",
    async ({ rack, write, run }) => {
      const knobs = { ...base, nodes: ["u1", "u2", "u3"] };
      await write(knobs);
      await run("up --yes --skip-preview");
      await write({ ...base, images: { whole: later(rack.images.whole.disk.path) } });
      await run("preview", { says: ["may erase"], never: ["[INSTANCE_", "replace"] });
      await run("up --yes --skip-preview");
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "maxErase, two users of an image in one run: the limit is 1, then 2",
    async ({ rack, write, run }) => {
      const { knobs } = await ownImage(rack);
      await write({ ...knobs, instance: { allowReinstall: ["image"] } });
      await run("preview", { fails: true, says: ["[ERASE_LIMIT]", "1 of at most 1 in this run"] });
      await run("config set --path baremetal:site.maxErase 2");
      await run("preview", { says: ["1 of at most 2 in this run", "2 of at most 2 in this run"] });
      await run("up --yes --skip-preview", { sets: { u1: commands.reinstall, u2: commands.reinstall } });
      await run("config rm --path baremetal:site.maxErase");
    },
  ],
  [
    "PLAN_CHANGED, the image's file changes between preview and update",
    async ({ rack, write, run }) => {
      const image = await ownImage(rack);
      const knobs = { ...image.knobs, instances: { web: { node: "u1", allowReinstall: true } } };
      await write(knobs);
      await run("preview", { says: ["erases disk"] });
      await image.change();
      await run("up --yes --skip-preview", { fails: true, says: ["[PLAN_CHANGED]"], sets: "any" });
      await run("preview", { says: ["erases disk"] });
      await run("up --yes --skip-preview", { sets: { u1: commands.reinstall, u2: commands.off } });
    },
  ],
  [
    "PLAN_CHANGED, a preview without an erasure and then other bytes",
    async ({ rack, write, run }) => {
      const image = await ownImage(rack);
      const knobs = { ...image.knobs, instances: { web: { node: "u1", allowReinstall: true } } };
      await write(knobs);
      await run("up --yes --skip-preview", { sets: "any" });
      await run("preview", { never: ["erases disk"] });
      await image.change();
      await run("up --yes --skip-preview", { fails: true, says: ["[PLAN_CHANGED]"] });
    },
  ],
];

/** An image whose source is known when a Node that is new has been enrolled. */
const later = (path: string) => ({
  source: declare.code(`u4.serial.apply(() => ${JSON.stringify(path)})`),
  checksum: undefined,
});
