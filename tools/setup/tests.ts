import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { runInLab } from "../../test/lab/lab/enter.ts";
import { type Count, countRun, nothing, type VitestReport } from "./count.ts";
import type { Teller } from "./say.ts";

/** The kinds of test, in the order in which they run. */
export const projects = ["unit", "contract", "engine", "lab"] as const;
export type Project = (typeof projects)[number];

/** Runs of vitest: what may go side by side, then what needs the lab's own network, one after another. */
const runs: readonly { readonly names: readonly Project[]; readonly lab: boolean }[] = [
  { names: ["unit", "contract"], lab: false },
  { names: ["engine"], lab: true },
  { names: ["lab"], lab: true },
];

/** `npm test -- unit deploy` asks for the tests of project unit whose file name holds "deploy"; without a project all are asked for. */
export function splitWords(words: readonly string[]): {
  readonly asked: readonly Project[];
  readonly filters: readonly string[];
} {
  const isProject = (word: string): word is Project => (projects as readonly string[]).includes(word);
  const asked = words.filter(isProject);
  return { asked: asked.length > 0 ? asked : projects, filters: words.filter((word) => !isProject(word)) };
}

/** Run the tests of these projects on the screen and count them. */
export async function runTests(
  say: Teller,
  asked: readonly Project[],
  filters: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Count[]> {
  const counts: Count[] = [];
  for (const { names, lab } of runs) {
    const wanted = names.filter((name) => asked.includes(name));
    if (wanted.length === 0) continue;
    say.line(`\nTests: ${wanted.join(", ")}`);
    counts.push(await runVitest(wanted, filters, lab, env));
  }
  return counts;
}

/** The tests of projects that cannot run here, all counted as skipped. */
export async function countLeftOut(names: readonly Project[], filters: readonly string[]): Promise<Count> {
  if (names.length === 0) return nothing;
  const words = ["list", ...names.flatMap((name) => ["--project", name]), "--json", ...filters];
  const { stdout } = await execa(process.execPath, [vitest, ...words], { reject: false });
  try {
    return { ...nothing, skipped: (JSON.parse(stdout) as unknown[]).length };
  } catch {
    return nothing;
  }
}

const vitest = "node_modules/vitest/vitest.mjs";

async function runVitest(
  names: readonly Project[],
  filters: readonly string[],
  lab: boolean,
  env: Readonly<Record<string, string>>,
): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), "pulumi-baremetal-test-"));
  try {
    const file = join(folder, "report.json");
    const args = [
      ...[vitest, "run", ...names.flatMap((name) => ["--project", name])],
      ...["--passWithNoTests", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`],
      ...filters,
    ];
    const start = lab ? runInLab : onScreen;
    const exitCode = await start(process.execPath, args, env);
    const report = await readFile(file, "utf8").catch(() => undefined);
    return countRun(report === undefined ? undefined : (JSON.parse(report) as VitestReport), exitCode);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function onScreen(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const { exitCode } = await execa(file, args, { env, stdio: "inherit", reject: false });
  return exitCode ?? 130;
}
