import { createHash } from "node:crypto";
import {
  access,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { execa } from "execa";
import { dropOlder, type Package } from "./package.ts";

export interface ProgramOptions {
  readonly package: Package;
  /** The folder of a program: its files are copied, its node_modules is not. */
  readonly source: string;
  /** Where the copy is laid. */
  readonly folder: string;
  /**
   * `install`: npm itself installs the archive and the program's dependencies, once for each archive and package.json.
   * `link`: the archive is unpacked, everything else is the checkout's own: no network, under a second.
   */
  readonly how: "install" | "link";
  readonly repo: string;
  /** Where `install` keeps what npm installed; the program's node_modules is a link to it. */
  readonly cache: string;
}

/**
 * Lay a program that runs: a copy of its folder, with a node_modules in which pulumi-baremetal is a real folder,
 * unpacked from the packed archive. So `exports` and `files` are proven, as a link to the checkout would not.
 */
export async function prepareProgram(options: ProgramOptions): Promise<void> {
  const { source, folder, how } = options;
  await cp(source, folder, { recursive: true, filter: (path) => basename(path) !== "node_modules" });
  const modules = join(folder, "node_modules");
  await rm(modules, { recursive: true, force: true });
  if (how === "link") await link(options, modules);
  else await symlink(await installed(options), modules);
}

async function link({ package: { tarball }, repo }: ProgramOptions, modules: string): Promise<void> {
  const own = join(modules, "pulumi-baremetal");
  await mkdir(own, { recursive: true });
  await execa("tar", ["-xzf", tarball, "--strip-components=1", "-C", own]);
  const names = await readdir(join(repo, "node_modules"));
  const others = names.filter((name) => !name.startsWith(".") && name !== basename(own));
  await Promise.all(others.map((name) => symlink(join(repo, "node_modules", name), join(modules, name))));
}

/** The node_modules that npm makes of this archive and this package.json. */
async function installed({ package: { tarball, digest }, source, cache }: ProgramOptions): Promise<string> {
  const manifest = await readFile(join(source, "package.json"), "utf8");
  const key = createHash("sha256").update(`${digest}\n${manifest}`).digest("hex").slice(0, 16);
  const folder = join(cache, "programs", key);
  const modules = join(folder, "node_modules");
  if (await isThere(modules)) return modules;
  await mkdir(dirname(folder), { recursive: true });
  await dropOlder(dirname(folder));
  const draft = await mkdtemp(`${folder}.`);
  try {
    await writeFile(join(draft, "package.json"), withArchive(manifest, tarball));
    const words = ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
    await execa("npm", words, { cwd: draft, timeout: 600_000 });
    await rename(draft, folder).catch(async (error: unknown) => {
      // Another run was quicker.
      if (!(await isThere(modules))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return modules;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
}

function withArchive(manifest: string, tarball: string): string {
  const given = JSON.parse(manifest) as Manifest;
  const dependencies = { ...given.dependencies, "pulumi-baremetal": `file:${tarball}` };
  return `${JSON.stringify({ ...given, dependencies }, null, 2)}\n`;
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
