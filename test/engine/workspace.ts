import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { pulumiEnvironment } from "../../tools/program/environment.ts";
import { preparePackage } from "../../tools/program/package.ts";
import { prepareProgram } from "../../tools/program/program.ts";

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
  readonly seconds: number;
}

/** A resource of a stack's state, as the backend keeps it: secrets encrypted. */
export interface Kept {
  readonly kind: string;
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
  /** Resources and, under the kind `Stack`, the outputs, by name. */
  readonly state: (stack: string) => Promise<ReadonlyMap<string, Kept>>;
  /** Everything that every call said. */
  readonly said: () => string;
  /** The words of each ipmitool that ran. */
  readonly ipmitool: () => Promise<string>;
  /** Files below the folder, the program's packages left out, and words of processes seen while a call ran, in which this stands. */
  readonly placesOf: (text: string) => Promise<readonly string[]>;
  /** Processes that were started from here, the deploy helper above all. */
  readonly processes: () => Promise<readonly number[]>;
  /** End the helper as a power cut would. */
  readonly killHelper: () => Promise<void>;
  /** End the helper, prove that nothing else runs, and remove the folder. */
  readonly close: () => Promise<void>;
}

/** Discard: nobody answers there. */
export const silentPort = 9;

const repo = fileURLToPath(new URL("../../", import.meta.url));
// Quick where real controllers are treated gently, and away from the ports of a helper that serves real servers.
const settings = {
  callbackPort: 10_001,
  idle: "60 seconds",
  manners: { gap: "1 ms", gapAfterError: "1 ms", rest: "1 ms", poll: "20 ms", stagger: "1 ms" },
};
const imports = `import * as pulumi from "@pulumi/pulumi";
import * as baremetal from "pulumi-baremetal";
const config = new pulumi.Config();
`;

/** Lay a program named `project` with these stacks; `secret` is its configuration `password`. */
export async function openWorkspace(
  project: string,
  stacks: readonly string[],
  secret?: string,
): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), "baremetal-engine-"));
  const program = join(folder, "program");
  const cache = join(repo, "node_modules", ".cache", "pulumi-baremetal");
  const packed = await preparePackage({ repo, cache });
  const source = join(repo, "examples", "quickstart");
  await prepareProgram({ package: packed, source, folder: program, how: "link", repo, cache });
  await writeFile(join(program, "Pulumi.yaml"), `name: ${project}\nruntime: nodejs\n`);
  const given = await pulumiEnvironment({ folder });
  const words = await spyOnIpmitool(folder);
  // ts-node checks no types here: one test does that for all, by tsc.
  const path = [words, process.env["PATH"]].join(delimiter);
  const env = { ...given, PATH: path, NO_COLOR: "1", PULUMI_NODEJS_TRANSPILE_ONLY: "true", CI: "" };
  const sayings: string[] = [];
  const wordsSeen = new Set<string>();

  const pulumi = async (...words: readonly string[]): Promise<Said> => {
    const begun = Date.now();
    const options = {
      cwd: program,
      env,
      all: true,
      reject: false,
      stdin: "ignore",
      timeout: 120_000,
    } as const;
    const call = execa("pulumi", [...words, "--non-interactive"], options);
    const looking = setInterval(async () => {
      for (const seen of await allWords()) wordsSeen.add(seen);
    }, 100);
    const { exitCode, all } = await call.finally(() => clearInterval(looking));
    sayings.push(`$ pulumi ${words.join(" ")}\n${all}`);
    return { exitCode, text: all, seconds: (Date.now() - begun) / 1_000 };
  };
  for (const stack of stacks) {
    await writeFile(
      join(program, `Pulumi.${stack}.yaml`),
      `config:\n  baremetal:site: ${JSON.stringify(settings)}\n`,
    );
    await pulumi("stack", "init", stack);
    if (secret !== undefined)
      await execa("pulumi", ["config", "set", "--secret", "password"], { cwd: program, env, input: secret });
  }
  const workspace: Workspace = {
    folder,
    program,
    write: (text) => writeFile(join(program, "index.ts"), imports + text),
    pulumi,
    state: (stack) => stateOf(join(folder, "backend", ".pulumi", "stacks", project, `${stack}.json`)),
    said: () => sayings.join("\n"),
    ipmitool: () => readFile(join(folder, "ipmitool.words"), "utf8"),
    async placesOf(text) {
      const wordy = [...wordsSeen].filter((seen) => seen.includes(text));
      return [...(await filesWith(folder, Buffer.from(text))), ...wordy];
    },
    processes: () => processesOf(folder),
    async killHelper() {
      for (const pid of await processesOf(folder)) process.kill(pid, "SIGKILL");
      await ended(folder, "the deploy helper");
    },
    async close() {
      for (const pid of await processesOf(folder)) {
        if (await isHelper(pid)) process.kill(pid, "SIGTERM");
      }
      await ended(folder, "the end of every process");
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
  return workspace;
}

/**
 * An ipmitool that writes down its words before it becomes the real one, which lives too shortly to be looked at. On a
 * port named `silent` it waits 1 s for answers that never come: the driver's patience is tested elsewhere.
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
  const resources = checkpoint.latest.resources ?? [];
  return new Map(
    resources.map(({ urn, id = "", inputs = {}, outputs = {} }) => {
      const [, , type = "", name = ""] = urn.split("::");
      const kind = type.split(":").at(-1) ?? "";
      return [kind === "Stack" ? kind : name, { kind, id, inputs, outputs }];
    }),
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

/** What every process of this machine was started with. */
async function allWords(): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
}

/** Processes whose words or working folder name this folder. */
async function processesOf(folder: string): Promise<readonly number[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => pid > 0 && pid !== process.pid);
  const ours = await Promise.all(
    pids.map(async (pid) => {
      const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      const place = await readlink(`/proc/${pid}/cwd`).catch(() => "");
      return words.includes(folder) || place.startsWith(folder);
    }),
  );
  return pids.filter((_, index) => ours[index]);
}

const isHelper = async (pid: number) =>
  (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0").includes("helper");

async function ended(folder: string, what: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if ((await processesOf(folder)).length === 0) return;
    await pause(50);
  }
  const left = await processesOf(folder);
  const words = await Promise.all(
    left.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  throw new Error(`waited 10 s for ${what}; still there: ${words.join("; ").replaceAll("\0", " ")}`);
}
