import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { runInLab } from "../../test/lab/lab/enter.ts";
import { type Count, countRun, type VitestReport } from "./count.ts";

/** One process of vitest. */
export interface Run {
  readonly projects: readonly string[];
  /** Parts of the names of files; none of them means all. */
  readonly filters: readonly string[];
  /** In a network of its own. */
  readonly lab: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** Path of a file that takes what it prints; the screen otherwise. */
  readonly output?: string;
}

const vitest = "node_modules/vitest/vitest.mjs";

export async function runVitest({ projects, filters, lab, env, output }: Run): Promise<Count> {
  const folder = await mkdtemp(join(tmpdir(), "pulumi-baremetal-test-"));
  try {
    const file = join(folder, "report.json");
    const args = [
      ...[vitest, "run", ...asked(projects)],
      ...["--passWithNoTests", "--reporter=default", "--reporter=json", `--outputFile.json=${file}`],
      ...filters,
    ];
    const exitCode = lab
      ? await runInLab(process.execPath, args, env, output)
      : await onScreen(process.execPath, args, env);
    const report = await readFile(file, "utf8").catch(() => undefined);
    return countRun(report === undefined ? undefined : (JSON.parse(report) as VitestReport), exitCode);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** How many tests there are, without running them. */
export async function countTests(projects: readonly string[], filters: readonly string[]): Promise<number> {
  const words = [vitest, "list", ...asked(projects), "--json", ...filters];
  const { stdout } = await execa(process.execPath, words, { reject: false });
  try {
    return (JSON.parse(stdout) as unknown[]).length;
  } catch {
    return 0;
  }
}

const asked = (projects: readonly string[]) => projects.flatMap((name) => ["--project", name]);

async function onScreen(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const { exitCode } = await execa(file, args, { env, stdio: "inherit", reject: false });
  return exitCode ?? 130;
}
