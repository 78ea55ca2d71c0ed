import { readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { type Need, searchPath } from "../../provider/cli/programs.ts";
import { NoLab, runInLab } from "../../test/lab/lab/enter.ts";
import { ensureBuilt } from "./build.ts";
import { type Count, closingLine, sum } from "./count.ts";
import { ensurePackageLists, installNeeds, missingNeeds } from "./host.ts";
import { modernPrograms, powerPrograms, testPrograms } from "./lab-programs.ts";
import { bringArm64Parts, bringDebian, bringExtraRamdisks, bringLabParts, bringProgram } from "./prepare.ts";
import { ensurePulumi } from "./pulumi.ts";
import { bringPythonTool, tryPythonTool } from "./python.ts";
import { schemathesis, sushyTools } from "./python-tools.ts";
import { newTeller, Stop, seconds, type Teller } from "./say.ts";
import { countLeftOut, type Project, runTests, splitWords } from "./tests.ts";

/** Bring what `task` needs, then do it; the exit code. Started by bootstrap.mjs, in the package's folder. */
export async function main([task = "", ...words]: readonly string[], started: number): Promise<number> {
  const say = newTeller((text) => process.stdout.write(text));
  try {
    if (task === "test") return await test(say, words, started);
    return await script(say, task, words, started);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    console.error(error.message);
    return 1;
  }
}

async function script(say: Teller, task: string, words: readonly string[], started: number): Promise<number> {
  const [file, rest] = await scriptOf(task, words);
  const host = newHost();
  const modern = words[0] === "modern";
  const more = modern ? modernPrograms : task === "bench" && words[0] === "power" ? powerPrograms : [];
  await bringPrograms(say, host, more);
  await tryLab();
  const env = await bringPulumi(say, host);
  await ensureBuilt(say);
  await bringLabParts(say, host.cache);
  if (words[0] === "arm64") await bringArm64Parts(say, host.cache);
  if (modern) await bringDebian(say, host.cache);
  if (words[0] === "fuzz") await bringPythonTool(say, schemathesis);
  const example = modern ? "examples/modern" : "examples/quickstart";
  const folder = task === "demo" ? ["--folder", await bringProgram(say, host.cache, example)] : [];
  say.line(`Set up (${seconds(Date.now() - started)}).`);
  return await runInLab(process.execPath, ["--import", "tsx", file, ...folder, ...rest], env);
}

async function scriptOf(task: string, words: readonly string[]): Promise<[string, readonly string[]]> {
  if (task === "demo" && words[0] === "modern") return ["tools/demo/modern.ts", words.slice(1)];
  if (task === "demo") return ["tools/demo/main.ts", words];
  const folder = { story: "test/stories", bench: "test/bench" }[task];
  if (folder === undefined)
    throw new Stop("npm run demo; npm test; npm run story -- NAME; npm run bench -- NAME");
  const files = await readdir(folder).catch(() => []);
  const names = files.flatMap((file) => (file.endsWith(".ts") ? [file.slice(0, -3)] : []));
  const [name = "", ...rest] = words;
  if (names.includes(name)) return [`${folder}/${name}.ts`, rest];
  throw new Stop(
    `npm run ${task} -- NAME, where NAME is ${names.sort().join(" or ") || "still to be written"}`,
  );
}

async function test(say: Teller, words: readonly string[], started: number): Promise<number> {
  const { asked, filters } = splitWords(words);
  const host = newHost();
  const leftOut = new Map<Project, string>();
  // On a machine that builds by itself nobody reads why a test was left out: there it is a failure.
  const unlessMissing = async (names: readonly Project[], bring: () => Promise<void>) => {
    const needed = names.filter((name) => asked.includes(name) && !leftOut.has(name));
    if (needed.length === 0) return;
    await bring().catch((error: unknown) => {
      if (!(error instanceof Stop) || host.ci) throw error;
      for (const name of needed) leftOut.set(name, error.message);
    });
  };
  let env = environment(host, undefined);
  await unlessMissing(["contract", "engine", "lab"], () => bringPrograms(say, host, testPrograms));
  await unlessMissing(["engine", "lab"], tryLab);
  await unlessMissing(["engine", "lab"], async () => {
    env = await bringPulumi(say, host);
  });
  const running = asked.filter((name) => !leftOut.has(name));
  if (running.includes("contract"))
    await tryPythonTool(say, sushyTools, "the driver redfish meets our own controllers alone.");
  if (running.some((name) => name !== "unit")) await ensureBuilt(say);
  if (running.includes("lab") || running.includes("engine")) await bringLabParts(say, host.cache);
  if (running.includes("lab")) await bringExtraRamdisks(say, host.cache);
  say.line(`Set up (${seconds(Date.now() - started)}).`);
  const counts: Count[] = await runTests(say, running, filters, env);
  for (const why of new Set(leftOut.values())) {
    const names = [...leftOut.keys()].filter((name) => leftOut.get(name) === why);
    say.line(`\nLeft out: the tests of ${names.join(", ")}. ${why}`);
  }
  const all = sum([...counts, await countLeftOut([...leftOut.keys()], filters)]);
  say.line(`\n${closingLine(all)}`);
  return all.failed === 0 && all.passed > 0 ? 0 : 1;
}

/** What we read of the machine and its environment, once. */
interface Host {
  readonly path: string;
  readonly cache: string;
  readonly ci: boolean;
}

function newHost(): Host {
  const { PATH, XDG_CACHE_HOME, CI } = process.env;
  return {
    path: searchPath(PATH),
    cache: join(XDG_CACHE_HOME || join(homedir(), ".cache"), "pulumi-baremetal"),
    ci: CI !== undefined && CI !== "" && CI !== "false",
  };
}

async function bringPrograms(say: Teller, { path }: Host, more: readonly Need[] = []): Promise<void> {
  if (process.platform !== "linux") {
    throw new Stop("The lab with its virtual servers needs Linux: a machine, a virtual machine or WSL 2.");
  }
  const missing = await missingNeeds(path, more);
  if (missing.length > 0) await installNeeds(say, missing, path);
  else await ensurePackageLists(say, path);
}

// Before anything that takes minutes.
async function tryLab(): Promise<void> {
  try {
    await runInLab("true");
  } catch (error) {
    throw error instanceof NoLab ? new Stop(error.message) : error;
  }
}

async function bringPulumi(say: Teller, host: Host): Promise<Record<string, string>> {
  const { folder } = await ensurePulumi(say, host.cache, host.path);
  return environment(host, folder);
}

// The user's own Pulumi home, with accounts and plugins, stays out of it.
function environment({ path, cache }: Host, folder: string | undefined): Record<string, string> {
  return {
    PATH: folder === undefined ? path : `${folder}${delimiter}${path}`,
    PULUMI_HOME: join(cache, "pulumi", "home"),
    PULUMI_SKIP_UPDATE_CHECK: "1",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "1",
    ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }),
  };
}
