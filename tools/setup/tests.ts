import { readdir, stat } from "node:fs/promises";
import { type Count, nothing } from "./count.ts";
import { type LabFile, runInLanes } from "./lanes.ts";
import type { Teller } from "./say.ts";
import { countTests, type Run, runVitest } from "./vitest.ts";

/** The kinds of test, in the order in which they run. */
export const projects = ["unit", "contract", "engine", "lab"] as const;
export type Project = (typeof projects)[number];

// These keep all cores busy by themselves; the others need the lab's own network.
const onHost: readonly Project[] = ["unit", "contract"];

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
  env: Run["env"],
): Promise<Count[]> {
  const counts: Count[] = [];
  const first = onHost.filter((name) => asked.includes(name));
  if (first.length > 0) {
    say.line(`\nTests: ${first.join(", ")}`);
    counts.push(await runVitest({ projects: first, filters, lab: false, env }));
  }
  const inLab = asked.filter((name) => !onHost.includes(name));
  const files = await filesOf(inLab, filters);
  const [only] = files;
  if (only === undefined) return counts;
  say.line(`\nTests: ${inLab.join(", ")}`);
  // A single file is one that somebody is at work on, and wants to watch.
  if (files.length === 1)
    return [...counts, await runVitest({ projects: [only.project], filters: [only.path], lab: true, env })];
  return [...counts, ...(await runInLanes(say, files, env))];
}

/** The largest first, as vitest does it where it knows no times: a long one begun last would keep one core alone. */
async function filesOf(names: readonly Project[], filters: readonly string[]): Promise<readonly LabFile[]> {
  const found: (LabFile & { readonly size: number })[] = [];
  for (const project of names) {
    for (const name of await readdir(`test/${project}`, { recursive: true })) {
      const path = `test/${project}/${name}`;
      if (!path.endsWith(".test.ts")) continue;
      const wanted = filters.length === 0 || filters.some((filter) => path.includes(filter));
      if (wanted) found.push({ project, path, size: (await stat(path)).size });
    }
  }
  return found.sort((one, other) => other.size - one.size);
}

/** The tests of projects that cannot run here, all counted as skipped. */
export async function countLeftOut(names: readonly Project[], filters: readonly string[]): Promise<Count> {
  if (names.length === 0) return nothing;
  return { ...nothing, skipped: await countTests(names, filters) };
}
