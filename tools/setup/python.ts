import { access, rm } from "node:fs/promises";
import { execa } from "execa";
import { folderOf, type PythonTool, programOf } from "./python-tools.ts";
import { Stop, type Teller } from "./say.ts";

/** Bring a tool into its virtual environment, where it is not there yet. Half of one is taken away again. */
export async function bringPythonTool(say: Teller, tool: PythonTool, limit = 1_200_000): Promise<void> {
  const there = await access(programOf(tool)).then(
    () => true,
    () => false,
  );
  if (there) return;
  const folder = folderOf(tool);
  const deadline = Date.now() + limit;
  const run = (file: string, words: readonly string[]) =>
    execa(file, words, { all: true, reject: false, timeout: Math.max(1, deadline - Date.now()) });
  await say.step(`Bringing ${tool.package} ${tool.version}`, async () => {
    await rm(folder, { recursive: true, force: true });
    const made = await run("python3", ["-m", "venv", folder]);
    if (made.exitCode !== 0)
      throw new Stop(`${made.all}\npython3 makes no virtual environment: is python3-venv installed?`);
    const wanted = `${tool.package}==${tool.version}`;
    const brought = await run(programOf(tool, "pip"), ["install", "--quiet", wanted]);
    if (brought.exitCode === 0) return;
    await rm(folder, { recursive: true, force: true });
    throw new Stop(`${brought.all}\npip did not bring ${tool.package}: see above.`);
  });
}

/** The same for one that is done without: tried for a minute, and said where it could not be brought. */
export async function tryPythonTool(say: Teller, tool: PythonTool, without: string): Promise<void> {
  try {
    await bringPythonTool(say, tool, 60_000);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    say.line(`${tool.package} ${tool.version} could not be brought: ${without}`);
  }
}
