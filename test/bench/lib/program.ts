import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { Package } from "../../../tools/program/package.ts";
import { prepareProgram } from "../../../tools/program/program.ts";

/** A Pulumi program that is measured. */
export interface Program {
  /** The CLI's words on it; throws with all that it said when it fails. */
  readonly pulumi: (...words: readonly string[]) => Promise<string>;
}

export interface ProgramParts {
  readonly name: string;
  /** index.ts */
  readonly text: string;
  readonly folder: string;
  readonly repo: string;
  readonly package: Package;
  readonly env: Readonly<Record<string, string>>;
  /** `baremetal:site` */
  readonly site: object;
}

/** Lay a program beside the quickstart's package.json, and make its stack. */
export async function layProgram(parts: ProgramParts): Promise<Program> {
  const { name, text, repo, package: packed, site } = parts;
  const folder = join(parts.folder, name);
  const source = join(repo, "examples", "quickstart");
  await prepareProgram({ package: packed, source, folder, how: "link", repo, cache: parts.folder });
  await writeFile(join(folder, "Pulumi.yaml"), `name: ${name}\nruntime: nodejs\n`);
  await writeFile(
    join(folder, "Pulumi.bench.yaml"),
    `config:\n  baremetal:site: '${JSON.stringify(site)}'\n`,
  );
  await writeFile(join(folder, "index.ts"), text);
  // What the compiler takes is the same for every program, and would only make ratios look better.
  const env = { ...parts.env, NO_COLOR: "1", PULUMI_NODEJS_TRANSPILE_ONLY: "true" };
  const pulumi = async (...words: readonly string[]) => {
    const { stdout } = await execa("pulumi", [...words, "--non-interactive"], {
      cwd: folder,
      env,
      stdin: "ignore",
    });
    return stdout;
  };
  await pulumi("stack", "init", "bench");
  return { pulumi };
}
