import { mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { type Count, closingLine } from "./count.ts";
import { seconds, type Teller } from "./say.ts";
import { type Run, runVitest } from "./vitest.ts";

/** Files of tests, each for a network of its own. */
export interface LabFile {
  readonly project: string;
  /** From the package's folder. */
  readonly path: string;
}

// A virtual server keeps one core busy and takes half a gigabyte; more than four side by side were never tried.
const most = Math.min(4, availableParallelism());

/**
 * Run each file in a lab of its own, as many side by side as there are cores: a lab has one network with fixed addresses, and
 * spends half of its time waiting. One line for each file when it has ended; what it printed only if it failed.
 */
export async function runInLanes(say: Teller, files: readonly LabFile[], env: Run["env"]): Promise<Count[]> {
  const folder = await mkdtemp(join(tmpdir(), "pulumi-baremetal-lanes-"));
  const waiting = [...files];
  const counts: Count[] = [];
  // Ctrl-C reaches those that run; no other begins.
  const stop = () => waiting.splice(0);
  process.once("SIGINT", stop);
  const lane = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      counts.push(await runOne(say, file, { env, output: join(folder, file.path.replaceAll("/", "-")) }));
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(most, files.length) }, lane));
    return counts;
  } finally {
    process.off("SIGINT", stop);
    await rm(folder, { recursive: true, force: true });
  }
}

async function runOne(
  say: Teller,
  { project, path }: LabFile,
  { env, output }: Pick<Run, "env"> & { readonly output: string },
): Promise<Count> {
  const begun = Date.now();
  const count = await runVitest({ projects: [project], filters: [path], lab: true, env, output });
  if (count.failed > 0) say.line(await readFile(output, "utf8").catch(() => ""));
  const how = count.failed > 0 ? "FAILED" : "ok    ";
  say.line(`${how}  ${path}: ${closingLine(count)} (${seconds(Date.now() - begun)})`);
  return count;
}
