import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { publicKey, script } from "../../contract/site/boot-host.ts";
import { bootAddress } from "../../engine/apart.ts";
import type { FarRack } from "../../engine/far-rack.ts";
import { check } from "../lib/story.ts";

/** What a user reads who does not get to the helper: each time why, what to do, and a code. */

const main = fileURLToPath(new URL("../../../dist/provider/main.js", import.meta.url));

/** Ask for a list on the client's host. */
async function list(rack: FarRack, site = rack.boot.address) {
  const words = [process.execPath, main, "nodes", "list", "--site", site];
  const [file = "", ...args] = [...rack.client.through, ...words];
  const env = { PATH: `${rack.boot.path}:${process.env["PATH"]}`, HOME: rack.folder };
  const { all, exitCode } = await execa(file, args, { env, all: true, reject: false });
  return { all, exitCode };
}

async function refused(rack: FarRack, code: string, site?: string): Promise<string> {
  const { all, exitCode } = await list(rack, site);
  check(exitCode !== 0 && all.includes(`[${code}]`), `${code} was expected, not: ${all}`);
  return all;
}

/** With a file below the boot host's folder as it is not meant to be. */
async function spoilt<T>(
  { boot: { folder } }: FarRack,
  name: string,
  how: (text: string) => string,
  body: () => Promise<T>,
): Promise<T> {
  const file = join(folder, name);
  const before = await readFile(file, "utf8");
  await writeFile(file, how(before));
  return body().finally(() => writeFile(file, before));
}

/** A program on the boot host in our program's place. */
async function other(rack: FarRack, name: string, text: string): Promise<string> {
  const file = join(rack.boot.folder, name);
  await script(file, text);
  return `ssh://boothost?command=${file}`;
}
const saying = (hello: object) => `echo 'pulumi-baremetal connect ${JSON.stringify(hello)}'; exec cat`;

type Case = readonly [string, (rack: FarRack) => Promise<string>];
export const refusals: readonly Case[] = [
  [
    "refused: the boot host's key is unknown, on the command line and in a preview",
    (rack) =>
      spoilt(
        rack,
        "known_hosts",
        () => "",
        async () => {
          const { exitCode, text } = await rack.pulumi("preview", "--stack", "dev");
          check(exitCode !== 0 && text.includes("[SSH_HOST_KEY_UNKNOWN]"), text);
          return `${await refused(rack, "SSH_HOST_KEY_UNKNOWN")}\n${text}`;
        },
      ),
  ],
  [
    "refused: the boot host shows another key",
    async (rack) => {
      const key = await publicKey(join(rack.boot.folder, "host-key"));
      const changed = key.replace(/.{4}$/, "AAAA");
      return spoilt(
        rack,
        "known_hosts",
        () => `${bootAddress} ${changed}\n`,
        () => refused(rack, "SSH_HOST_KEY_CHANGED"),
      );
    },
  ],
  [
    "refused: the agent that has the key is not there",
    (rack) =>
      spoilt(
        rack,
        "config",
        (text) =>
          text.replace(/IdentityFile .*/, "IdentityFile /nowhere/key").replace("none", "/nowhere/agent"),
        () => refused(rack, "SSH_DENIED"),
      ),
  ],
  [
    "refused: nobody listens, and there is no such host",
    async (rack) =>
      `${await refused(rack, "SSH_NOT_REACHED", `ssh://${bootAddress}:23`)}${await refused(rack, "SSH_NOT_REACHED", "ssh://bootoost.invalid")}`,
  ],
  ["refused: our program is not there", (rack) => refused(rack, "SSH_COMMAND_MISSING", "ssh://boothost")],
  [
    "refused: the helper does not come up",
    async (rack) => {
      const settings = join("home", ".config", "pulumi-baremetal", "site.yaml");
      const lost = (text: string) => text.replace(/^stateDir: .*/m, "stateDir: /dev/null/state");
      const bad = (text: string) => text.replace(/^interface: .*/m, "interfaces: br0");
      const first = await spoilt(rack, settings, lost, async () => (await list(rack)).all);
      check(/\[[A-Z_]+\]/.test(first) && !first.includes("UNFORESEEN"), `no code, no remedy: ${first}`);
      return first + (await spoilt(rack, settings, bad, () => refused(rack, "SITE_SETTINGS_BAD")));
    },
  ],
  [
    "refused: the program there is of another version, whose language is another one",
    async (rack) => {
      const older = await other(rack, "older", saying({ version: "0.0.9", warnings: [] }));
      return refused(rack, "HELPER_OTHER_WIRE", older);
    },
  ],
  [
    "warned: the program there is of another version, whose language is the same",
    async (rack) => {
      const { boot } = rack;
      const real = new URL(boot.address).searchParams.get("command") ?? "";
      const newer = await other(
        rack,
        "newer",
        `${real} "$@" | { read -r line; echo "$line" | sed 's/"version":"[^"]*"/"version":"9.9.9"/'; exec cat; }`,
      );
      const { all } = await list(rack, newer);
      check(all.includes("version 9.9.9"), all);
      return all;
    },
  ],
];
