import { mkdir, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { Stop, type Teller } from "./say.ts";

const sources = ["provider", "sdk", "package.json", "tsconfig.json", "tsconfig.build.json", "tools/build"];
const stamp = "node_modules/.cache/pulumi-baremetal/built";

/** Compile the package into dist/, unless nothing has changed since that was done last. */
export async function ensureBuilt(say: Teller): Promise<void> {
  const begun = new Date();
  const [built, changed] = await Promise.all([changedAt(stamp), newestOf(sources)]);
  if (built > changed && (await changedAt("dist")) > 0) return;
  await say.step("Compiling", async () => {
    const done = await execa("npm", ["run", "--silent", "build"], {
      all: true,
      reject: false,
      timeout: 600_000,
    });
    if (done.exitCode !== 0) throw new Stop(`${done.all}\nThe package does not compile: see above.`);
  });
  await mkdir(dirname(stamp), { recursive: true });
  await writeFile(stamp, "");
  // What was changed while the compiler ran may not be in its output.
  await utimes(stamp, begun, begun);
}

// A folder's own time tells of files that were removed.
async function newestOf(paths: readonly string[]): Promise<number> {
  const times = await Promise.all(
    paths.map(async (path) => {
      const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
      return Math.max(await changedAt(path), await newestOf(entries.map(({ name }) => join(path, name))));
    }),
  );
  return Math.max(0, ...times);
}

const changedAt = (path: string) =>
  stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
