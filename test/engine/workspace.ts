import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { pulumiEnvironment } from "../../tools/program/environment.ts";
import { preparePackage } from "../../tools/program/package.ts";
import { prepareProgram } from "../../tools/program/program.ts";
import { allEnded, helpersOf, processesOf, watchWords } from "./processes.ts";

/** Why the tests of the engine are left out; undefined = they are not. A machine that builds by itself may not leave them out. */
export const reason: string | undefined = missing();

function missing(): string | undefined {
  try {
    execFileSync("pulumi", ["version"], { stdio: "ignore", timeout: 10_000 });
    return undefined;
  } catch (cause) {
    const why = "no pulumi on PATH: start these tests by `npm test`, which brings one";
    if (process.env["CI"]) throw new Error(why, { cause });
    return why;
  }
}

/** How a call of the Pulumi CLI ended, and all that it said. */
export interface Said {
  readonly exitCode: number | undefined;
  readonly text: string;
}

/** A call of the Pulumi CLI that is under way. */
export interface Begun {
  readonly pid: number;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** All that it said so far. */
  readonly sofar: () => string;
  readonly ended: Promise<Said>;
}

/** A resource of a stack's state, as the backend keeps it: secrets encrypted. */
export interface Kept {
  readonly id: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** A user with a program, a Pulumi CLI and records of its own. */
export interface Workspace {
  readonly folder: string;
  /** The folder of the program. */
  readonly program: string;
  /** Write the program: what follows its imports. */
  readonly write: (text: string) => Promise<void>;
  readonly pulumi: (...words: readonly string[]) => Promise<Said>;
  /** Begin a call that a test may signal before it ends. */
  readonly begin: (...words: readonly string[]) => Begun;
  /** The resources of a stack by their logical names. */
  readonly state: (stack: string) => Promise<ReadonlyMap<string, Kept>>;
  /** Everything that every call said. */
  readonly said: () => string;
  /** The words of each ipmitool that ran. */
  readonly ipmitool: () => Promise<string>;
  /** Files below the folder, npm packages left out, and words of processes seen during the calls, in which this stands. */
  readonly placesOf: (text: string) => Promise<readonly string[]>;
  /** End the helper as a power cut would. */
  readonly killHelper: () => Promise<void>;
  /** End the helper, prove that nothing else runs, and remove the folder. */
  readonly close: () => Promise<void>;
}

/** Discard: nobody answers there. */
export const silentPort = 9;

const repo = fileURLToPath(new URL("../../", import.meta.url));
// Quick where real controllers are treated gently, and away from the port of a helper that serves real servers.
const settings = {
  callbackPort: 10_001,
  idle: "60 seconds",
  manners: { gap: "1 ms", gapAfterError: "1 ms", rest: "1 ms", poll: "20 ms", stagger: "1 ms" },
};
const imports = `import * as pulumi from "@pulumi/pulumi";
import * as baremetal from "pulumi-baremetal";
const config = new pulumi.Config();
`;

export interface WorkspaceOptions {
  /** The configuration `password` of its stacks. */
  readonly secret?: string;
  /** Settings of the site that differ from ours, or the address of one on another host. */
  readonly site?: Readonly<Record<string, unknown>> | string;
  /** What the CLI is started through: a namespace of its own. */
  readonly through?: readonly string[];
  /** The folder that its own is made in. Default: that of temporary files. */
  readonly parent?: string;
  /** Beside what every CLI gets; `PATH` goes before the usual one. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds after which a call of the CLI is ended. Default: two minutes. */
  readonly timeout?: number;
}

/** Lay a program named `project` with these stacks. */
export async function openWorkspace(
  project: string,
  stacks: readonly string[],
  given: string | WorkspaceOptions = {},
): Promise<Workspace> {
  const options: WorkspaceOptions = typeof given === "string" ? { secret: given } : given;
  const { secret, site, through = [], parent = tmpdir(), timeout = 120_000 } = options;
  const folder = await mkdtemp(join(parent, "baremetal-engine-"));
  const program = join(folder, "program");
  await layProgram(program, project);
  const env = await environment(folder, options.env);
  const [sayings, seen] = [[] as string[], new Set<string>()];

  const begin = (...words: readonly string[]): Begun => {
    const how = {
      cwd: program,
      env,
      all: true,
      reject: false,
      stdin: "ignore",
      timeout,
    } as const;
    const watch = watchWords();
    const [file = "", ...args] = [...through, "pulumi", ...words, "--non-interactive"];
    const call = execa(file, args, how);
    let sofar = "";
    call.all.on("data", (piece) => {
      sofar += piece;
    });
    const end = async (): Promise<Said> => {
      const { exitCode, all } = await call;
      watch.stop();
      for (const one of watch.seen) seen.add(one);
      sayings.push(`$ pulumi ${words.join(" ")}\n${all}`);
      return { exitCode, text: all };
    };
    return { pid: call.pid ?? 0, kill: (signal) => void call.kill(signal), sofar: () => sofar, ended: end() };
  };
  const pulumi = (...words: readonly string[]): Promise<Said> => begin(...words).ended;
  for (const stack of stacks) {
    await configureSite(program, stack, site);
    await pulumi("stack", "init", stack);
    if (secret === undefined) continue;
    const words = ["config", "set", "--secret", "password", "--stack", stack];
    await execa("pulumi", words, { cwd: program, env, input: secret });
  }
  return {
    folder,
    program,
    write: (text) => writeFile(join(program, "index.ts"), imports + text),
    pulumi,
    begin,
    state: (stack) => stateOf(join(folder, "backend", ".pulumi", "stacks", project, `${stack}.json`)),
    said: () => sayings.join("\n"),
    ipmitool: () => readFile(join(folder, "ipmitool.words"), "utf8"),
    placesOf: async (text) => [
      ...(await filesWith(folder, Buffer.from(text))),
      ...[...seen].filter((words) => words.includes(text)),
    ],
    async killHelper() {
      for (const pid of await processesOf(folder)) process.kill(pid, "SIGKILL");
      await allEnded(folder);
    },
    async close() {
      for (const pid of await helpersOf(folder)) process.kill(pid, "SIGTERM");
      await allEnded(folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Write a stack's configuration: the settings of a site that differ from ours, or where it is. */
export async function configureSite(
  program: string,
  stack: string,
  site: WorkspaceOptions["site"],
): Promise<void> {
  const value = typeof site === "string" ? site : { ...settings, ...site };
  const text = `config:\n  baremetal:site: ${JSON.stringify(value)}\n`;
  await writeFile(join(program, `Pulumi.${stack}.yaml`), text);
}

async function layProgram(folder: string, project: string): Promise<void> {
  const cache = join(repo, "node_modules", ".cache", "pulumi-baremetal");
  const source = join(repo, "examples", "quickstart");
  const packed = await preparePackage({ repo, cache });
  await prepareProgram({ package: packed, source, folder, how: "link", repo, cache });
  await writeFile(join(folder, "Pulumi.yaml"), `name: ${project}\nruntime: nodejs\n`);
}

async function environment(
  folder: string,
  { PATH: before, ...own }: Readonly<Record<string, string>> = {},
): Promise<Readonly<Record<string, string>>> {
  const folders = [before, await spyOnIpmitool(folder), process.env["PATH"]];
  const path = folders.filter((one) => one !== undefined).join(delimiter);
  // Types are checked by one test, by tsc, for all.
  const more = { PATH: path, NO_COLOR: "1", PULUMI_NODEJS_TRANSPILE_ONLY: "true", CI: "", ...own };
  return { ...(await pulumiEnvironment({ folder })), ...more };
}

/**
 * An ipmitool that writes down its words before it becomes the real one, which lives too shortly to be looked at. At the
 * silent port it waits 1 s for answers that never come: the driver's patience is tested elsewhere.
 */
async function spyOnIpmitool(folder: string): Promise<string> {
  const bin = join(folder, "bin");
  await mkdir(bin);
  const real = execFileSync("sh", ["-c", "PATH=$PATH:/usr/sbin command -v ipmitool"], { encoding: "utf8" });
  const script = `#!/bin/sh
echo "$*" >>${folder}/ipmitool.words
case " $* " in
  *" -p ${silentPort} "*) set -- $(echo "$*" | sed 's/-N 2 -R 2/-N 1 -R 1/') ;;
esac
exec ${real.trim()} "$@"
`;
  await writeFile(join(bin, "ipmitool"), script, { mode: 0o755 });
  return bin;
}

async function stateOf(file: string): Promise<ReadonlyMap<string, Kept>> {
  const { checkpoint } = JSON.parse(await readFile(file, "utf8")) as {
    checkpoint: { latest: { resources?: readonly (Partial<Kept> & { urn: string })[] } };
  };
  return new Map(
    (checkpoint.latest.resources ?? []).map(({ urn, id = "", inputs = {}, outputs = {} }) => [
      urn.split("::").at(-1) ?? "",
      { id, inputs, outputs },
    ]),
  );
}

async function filesWith(folder: string, text: Buffer): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === "node_modules" ? [] : filesWith(path, text);
      return entry.isFile() && (await readFile(path)).includes(text) ? [path] : [];
    }),
  );
  return found.flat();
}
