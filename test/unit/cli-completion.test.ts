import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { execa } from "execa";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApi } from "../../provider/api/server.ts";
import { complete, type Names } from "../../provider/cli/complete.ts";
import { silent } from "../../provider/kernel/log.ts";
import type { Site } from "../../provider/site/site.ts";
import { commandLine } from "../fixtures/command-line.ts";

const names: Names = async (argument, options) =>
  argument === "node" ? ["n1", "n2", `of ${JSON.stringify(options)}`] : argument === "old" ? ["o/p/s"] : [];
const wordsAfter = async (line: string, root = commandLine().program) =>
  (await complete(root, line.split(" "), names)).map(({ word }) => word);

describe("what can stand at the cursor", () => {
  it("is a command, but for the hidden ones", async () => {
    expect(await wordsAfter("")).toEqual([
      "nodes",
      "instances",
      "images",
      "power",
      "ramdisk",
      "bundle",
      "store",
      "owner",
      "serve",
      "page",
      "openapi",
      "tokens",
      "drain",
      "completion",
      "help",
    ]);
    expect(await wordsAfter("no")).toEqual(["nodes"]);
    expect(await wordsAfter("nodes ")).toEqual([
      "list",
      "show",
      "log",
      "reset",
      "maintenance",
      "confirm",
      "rehearse",
      "rescue",
      "unrescue",
      "discovered",
      "import",
      "help",
    ]);
    expect(await wordsAfter("nodes m")).toEqual(["maintenance"]);
    expect(await wordsAfter("nothing ")).toEqual([]);
  });

  it("is an option of the command that is not there yet", async () => {
    expect(await wordsAfter("nodes maintenance n1 --")).toEqual(
      expect.arrayContaining(["--on", "--off", "--json", "--state-dir", "--site", "--help"]),
    );
    const rest = await wordsAfter("nodes maintenance n1 --off --json --");
    expect(rest).not.toContain("--off");
    expect(rest).toContain("--on");
    expect(await wordsAfter("nodes show --j")).toEqual(["--json"]);
    expect(await wordsAfter("images prune --d")).toEqual(["--dry-run"]);
  });

  it("is a name of the site that the options say", async () => {
    expect(await wordsAfter("nodes show ")).toEqual(["n1", "n2", "of {}"]);
    expect(await wordsAfter("nodes show n")).toEqual(["n1", "n2"]);
    expect(await wordsAfter("nodes show --state-dir /s --json of")).toEqual([
      'of {"stateDir":"/s","json":""}',
    ]);
    expect(await wordsAfter("nodes show --state-dir=/s of")).toEqual(['of {"stateDir":"/s"}']);
    expect(await wordsAfter("owner move ")).toEqual(["o/p/s"]);
    expect(await wordsAfter("owner move o/p/s ")).toEqual([]);
  });

  it("is one of the words that an argument can be, and what an option expects is nobody's name", async () => {
    expect(await wordsAfter("completion ")).toEqual(["bash", "zsh", "fish"]);
    expect(await wordsAfter("nodes maintenance n1 --on ")).toEqual([]);
    expect(await wordsAfter("store restore ")).toEqual([]);
  });

  it("follows the tree of commands, whatever hangs on it", async () => {
    const root = new Command("x");
    const deep = root.command("racks").description("of a row").command("move");
    deep.argument("<to>").option("-f, --force", "at once");
    expect(await wordsAfter("racks move -", root)).toEqual(["--force", "--help"]);
    expect(await complete(root, ["ra"], names)).toEqual([{ word: "racks", about: "of a row" }]);
  });
});

describe("the hidden command", () => {
  it("prints candidates with what they are, and starts no helper", async () => {
    const { out } = await commandLine().run("complete", "--", "images", "");
    expect(out.split("\n")[0]).toBe("list\twhat lies in the cache, and who needs it");
    // The shell of this test throws when a site is asked for.
    expect(await commandLine().run("complete", "--", "nodes", "show", "")).toEqual({ out: "", err: "" });
  });
});

describe("a completion script", () => {
  let folder = "";
  let app: FastifyInstance | undefined;
  const root = fileURLToPath(new URL("../../", import.meta.url));

  // The program as it is on a PATH, and a helper that knows two servers.
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "completion-"));
    const tsx = import.meta.resolve("tsx");
    const program = join(folder, "pulumi-baremetal");
    const start = `exec ${process.execPath} --import ${tsx} ${join(root, "provider/main.ts")} "$@"`;
    await writeFile(program, `#!/bin/sh\necho "$@" >> ${join(folder, "asked")}\n${start}\n`);
    await chmod(program, 0o755);
    await mkdir(join(folder, "pulumi-baremetal-state/pulumi-baremetal"), { recursive: true });
    const listed = async () => [{ name: "rack1-u7" }, { name: "rack1-u8" }];
    const site = { nodes: { list: listed } } as unknown as Site;
    app = createApi({ site, log: silent, busy: () => {}, stop: () => {} });
    await app.listen({ path: join(folder, "pulumi-baremetal-state/pulumi-baremetal/helper.sock") });
  });
  afterAll(async () => {
    await app?.close();
    await rm(folder, { recursive: true });
  });
  const env = () => ({
    PATH: `${folder}:${process.env["PATH"]}`,
    XDG_STATE_HOME: join(folder, "pulumi-baremetal-state"),
  });

  /** What bash puts in the place of the last of these words when the tabulator is pressed. */
  async function inBash(...words: readonly string[]): Promise<readonly string[]> {
    const script = `
      source <(pulumi-baremetal completion bash)
      complete -p pulumi-baremetal >&2
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
      _pulumi_baremetal "$1" "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = await execa("bash", ["--norc", "-c", script, "bash", ...words], {
      env: env(),
    });
    expect(stderr).toBe("complete -o default -F _pulumi_baremetal pulumi-baremetal");
    return stdout.split("\n").filter((line) => line !== "");
  }

  it.for([
    { words: ["pulumi-baremetal", "no"], found: ["nodes"] },
    { words: ["pulumi-baremetal", "nodes", "re"], found: ["reset", "rehearse", "rescue"] },
    { words: ["pulumi-baremetal", "nodes", "show", "--js"], found: ["--json"] },
    { words: ["pulumi-baremetal", "nodes", "show", "rack1"], found: ["rack1-u7", "rack1-u8"] },
    { words: ["pulumi-baremetal", "nodes", "import", ""], found: [] },
  ])("for bash completes $words", { timeout: 30_000 }, async ({ words, found }) => {
    expect(await inBash(...words)).toEqual(found);
  });

  it("for bash asks the very program that stands in the line, wherever that is", async () => {
    expect(await inBash(join(folder, "pulumi-baremetal"), "im")).toEqual(["images"]);
    expect(await readFile(join(folder, "asked"), "utf8")).toContain("complete -- im\n");
  }, 30_000);

  it.for(["bash", "zsh", "fish"])("for %s names no command and no option by itself", async (shell) => {
    const { out } = await commandLine().run("completion", shell);
    const known = commandLine().program.commands.filter(
      (one) => !["complete", "completion"].includes(one.name()),
    );
    for (const command of known) expect(out).not.toMatch(new RegExp(`\\b${command.name()}\\b`));
    expect(out).not.toMatch(/--(json|site|state-dir|on|off)\b/);
    expect(out).toContain("complete -- ");
  });

  it("for another shell is refused with the ones that there are", async () => {
    const { err, code } = await commandLine().run("completion", "tcsh");
    expect(code).toBe("commander.invalidArgument");
    expect(err).toContain("bash, zsh, fish");
  });
});
