import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { apiPage } from "./api.ts";
import { changesPage } from "./changes.ts";
import { allErrors, errorsPage } from "./errors.ts";
import { resourcePages, sitePage } from "./reference.ts";
import { type Package, packageSchema } from "./schema.ts";
import { sdkFiles } from "./sdk.ts";
import { statesPage } from "./states.ts";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** Everything that is derived from the code: path in the repository to text. Deterministic. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const about = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Package;
  const classes = [...sdkFiles()].map(async ([path, text]) => [path, await formatted(path, text)] as const);
  return new Map([
    ["schema.json", `${JSON.stringify(packageSchema(about), null, 2)}\n`],
    ...(await Promise.all(classes)),
    ...resourcePages(),
    ["docs/reference/changes.md", changesPage()],
    ["docs/reference/api.md", apiPage()],
    ["docs/reference/site.md", sitePage()],
    ["docs/reference/errors.md", errorsPage(await allErrors(root))],
    ["docs/reference/states.md", statesPage()],
  ]);
}

/** Paths whose file is missing or says something else. */
export async function staleFiles(files: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const checked = [...files].map(async ([path, text]) => {
    const present = await readFile(join(root, path), "utf8").catch(() => undefined);
    return present === text ? [] : [path];
  });
  return (await Promise.all(checked)).flat();
}

/** Write these files, and only those that differ. */
export async function writeFiles(
  files: ReadonlyMap<string, string>,
  paths: readonly string[],
): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), files.get(path) ?? "");
  }
}

async function formatted(path: string, text: string): Promise<string> {
  const biome = join(root, "node_modules/.bin/biome");
  const { stdout } = await execa(biome, ["check", "--write", `--stdin-file-path=${path}`], {
    input: text,
    cwd: root,
    stripFinalNewline: false,
  });
  return stdout;
}
