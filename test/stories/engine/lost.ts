import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { ownImage, tokenIn } from "../../engine/own-image.ts";
import type { Rack } from "../../engine/rack.ts";
import { type Case, commands, type Scene } from "../lib/engine.ts";
import { check } from "../lib/story.ts";

const web = "urn:pulumi:dev::rack::pulumi-nodejs:dynamic/baremetal:Instance::web";
const node = "urn:pulumi:dev::rack::pulumi-nodejs:dynamic/baremetal:Node::u1";

/** States and records that were lost, copied or moved. */
export const lost: readonly Case[] = [
  [
    "state delete of an instance: up takes it back",
    async ({ run, outputs }) => {
      const before = await outputs("web");
      await run(`state delete ${web} --yes`);
      await run("up --yes", { says: ["+ 1 created", "takes it back as it stands"] });
      const after = await outputs("web");
      for (const key of ["assignedNode", "installedDigest", "address", "serial"])
        check(after[key] === before[key], `${key} was ${before[key]}, is ${after[key]}`);
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "state delete of a node and all on it: up takes it back",
    async ({ run }) => {
      await run(`state delete ${node} --target-dependents --yes`);
      await run("up --yes", { says: ["+ 3 created"] });
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "state delete, then another image: the gate",
    async ({ rack, run, write }) => {
      await run(`state delete ${web} --yes`);
      const { knobs } = await ownImage(rack);
      await write({ ...knobs, instances: { web: { node: "u1" } } });
      await run("preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
    },
  ],
  [
    "deleted store: refresh keeps all, up enrols it again, no server is switched; then the gate as ever",
    async ({ rack, run, write, outputs }) => {
      await write({ instances: { web: { node: "u1" } } });
      await run("up --yes --skip-preview", { sets: { u2: commands.off } });
      const before = await outputs("web");
      await loseStore(rack);
      await run("refresh --yes --skip-preview", { says: ["this site has no record of it"] });
      await run(`destroy --yes --skip-preview --target ${web}`, {
        fails: true,
        says: ["[SITE_LOST_RECORD]"],
      });
      const { knobs } = await ownImage(rack);
      await write({ ...knobs, instances: { web: { node: "u1", allowReinstall: true } } });
      await run("preview", { fails: true, says: ["[INSTANCE_LOST_RECORD]"] });
      await write({ instances: { web: { node: "u1" } } });
      await run("up --yes", { says: ["enrolled again"] });
      await run("up --yes --skip-preview --expect-no-changes");
      await run("refresh --yes --skip-preview");
      const after = await outputs("web");
      for (const key of ["assignedNode", "installedDigest", "address", "provisionState"])
        check(after[key] === before[key], `${key} was ${before[key]}, is ${after[key]}`);
      await write({ ...knobs, instances: { web: { node: "u1" } } });
      const { text } = await run("preview", { fails: true, says: ["[INSTANCE_WOULD_ERASE]"] });
      await write({ ...knobs, instances: { web: { node: "u1", allowReinstall: tokenIn(text) } } });
      await run("up --yes", { sets: { u1: commands.reinstall } });
    },
  ],
  [
    "stack export and import: changes nothing",
    async ({ rack, run }) => {
      const file = join(rack.folder, "export.json");
      await run(`stack export --file ${file}`);
      await run(`stack import --file ${file}`);
      await run("up --yes --skip-preview --expect-no-changes");
      await run("refresh --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "copied stack, its resources renamed: preview, up, refresh and destroy change nothing",
    async ({ rack, run }) => {
      await copyStack(rack, "copy", "renamed");
      await refusedEverywhere(run, "copy");
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "copied stack by import --force: preview and up are refused",
    async ({ rack, run }) => {
      await copyStack(rack, "forced", "as they are");
      await run("preview --stack forced", { fails: true, says: ["[SITE_NAME_TAKEN]"] });
      await run("up --yes --skip-preview --stack forced", { fails: true, says: ["[SITE_NAME_TAKEN]"] });
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
  [
    "renamed stack: preview and up are refused until its owner is moved",
    async ({ rack, run }) => {
      await run("stack rename renamed");
      for (const words of ["preview", "up --yes --skip-preview"]) {
        await run(`${words} --stack renamed`, { fails: true, says: ["[SITE_OWNER_MOVED]"] });
      }
      await run("refresh --yes --skip-preview --stack renamed --expect-no-changes");
      await ownerMove(rack, "organization/rack/dev", "organization/rack/renamed");
      await run("up --yes --stack renamed");
      await run("up --yes --skip-preview --stack renamed --expect-no-changes");
      await run("stack rename dev --stack renamed");
      await ownerMove(rack, "organization/rack/renamed", "organization/rack/dev");
      await run("up --yes --skip-preview");
      await run("up --yes --skip-preview --expect-no-changes");
    },
  ],
];

/** What `npx pulumi-baremetal owner move` does. */
async function ownerMove({ folder }: Rack, from: string, to: string): Promise<void> {
  const cwd = join(folder, "program");
  const main = join(cwd, "node_modules/pulumi-baremetal/dist/provider/main.js");
  const env = { XDG_STATE_HOME: join(folder, "state"), XDG_CACHE_HOME: join(folder, "cache") };
  const words = [main, "owner", "move", from, to];
  const { exitCode, all } = await execa(process.execPath, words, { cwd, env, all: true, reject: false });
  check(exitCode === 0, all);
}

async function loseStore({ folder, killHelper }: Rack): Promise<void> {
  await killHelper();
  await rm(join(folder, "state", "pulumi-baremetal"), { recursive: true });
}

async function refusedEverywhere(run: Scene["run"], stack: string): Promise<void> {
  for (const words of ["preview", "up --yes --skip-preview", "destroy --yes --skip-preview"]) {
    await run(`${words} --stack ${stack}`, { fails: true, says: ["[SITE_OWNER_MOVED]"] });
  }
}

/** What people do by export, an editor and import. */
async function copyStack(
  { folder, pulumi }: Rack,
  to: string,
  how: "renamed" | "as they are",
): Promise<void> {
  const file = join(folder, "copied.json");
  await pulumi("stack", "export", "--stack", "dev", "--file", file);
  if (how === "renamed") {
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replaceAll("urn:pulumi:dev::", `urn:pulumi:${to}::`));
  }
  await copyFile(join(folder, "program", "Pulumi.dev.yaml"), join(folder, "program", `Pulumi.${to}.yaml`));
  await pulumi("stack", "init", to);
  const { exitCode, text } = await pulumi("stack", "import", "--force", "--stack", to, "--file", file);
  check(exitCode === 0, text);
}
