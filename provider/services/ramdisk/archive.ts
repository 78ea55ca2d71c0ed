import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { debianName, isForeign, type RamdiskArch } from "../../kernel/arch.ts";
import type { Context } from "../../kernel/context.ts";
import { hasCode } from "../../kernel/errors.ts";
import { type Finished, run } from "../../kernel/process.ts";
import { alone } from "./cache.ts";
import { cannotBuild, ramdiskErrors } from "./errors.ts";

/** Whose packages are asked for, and of which lists. */
export interface Archive {
  /** Debian's name of the architecture. */
  readonly debian: string;
  /** Options for every call of apt. */
  readonly options: readonly string[];
}

/**
 * This host's own package lists; or, for an architecture that is not its own, lists in a folder of ours, brought up to date
 * from the same sources and checked by the same keys. Nothing of the host's apt is changed, and nothing is installed.
 */
export async function openArchive(ctx: Context, arch: RamdiskArch, cacheDir: string): Promise<Archive> {
  const debian = debianName[arch];
  if (!isForeign(arch)) return { debian, options: [] };
  const folder = join(cacheDir, `apt-${debian}`);
  return await alone(ctx, `${folder}.lock`, () => openForeign(ctx, arch, folder));
}

async function openForeign(ctx: Context, arch: RamdiskArch, folder: string): Promise<Archive> {
  const debian = debianName[arch];
  await mkdir(join(folder, "lists", "partial"), { recursive: true });
  await mkdir(join(folder, "cache", "archives", "partial"), { recursive: true });
  // What is installed here is of another architecture: it has no say in what is chosen.
  await writeFile(join(folder, "status"), "");
  const config = join(folder, "apt.conf");
  await writeFile(config, configOf(folder, debian));
  const archive = { debian, options: ["-c", config] };
  const { code, stderr } = await apt(ctx, "apt-get", ["-q", ...archive.options, "update"]);
  if (code !== 0) {
    const reason = /^E: (.*)$/m.exec(stderr)?.[1] ?? `apt-get ended with code ${code}`;
    throw ramdiskErrors.make("RAMDISK_NO_FOREIGN_PACKAGES", { arch, debian, reason });
  }
  return archive;
}

/** Read last of all of apt's files, so that it goes before what the host has set; what the host runs after an update is ours no more. */
const configOf = (folder: string, debian: string) => `#clear APT::Architectures;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Architecture "${debian}";
APT::Architectures { "${debian}"; };
Dir::State "${folder}";
Dir::State::lists "${folder}/lists";
Dir::State::status "${folder}/status";
Dir::Cache "${folder}/cache";
`;

/** Run a program of the package system, with its messages in English. */
export async function apt(
  ctx: Context,
  program: string,
  words: readonly string[],
  cwd?: string,
): Promise<Finished> {
  try {
    return await run(ctx, program, words, { env: { LC_ALL: "C" }, ...(cwd === undefined ? {} : { cwd }) });
  } catch (error) {
    if (!hasCode(error, "PROGRAM_MISSING")) throw error;
    throw cannotBuild(`it has no ${program}`, error);
  }
}
