import { access, readdir, readFile, realpath } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bundleErrors } from "./errors.ts";

/** A file of the bundle and where it lies here. */
export interface SourceFile {
  /** In the bundle. */
  readonly path: string;
  readonly from: string;
}

interface Manifest {
  readonly name: string;
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/**
 * The package in `root` and all that it needs to run, as one `node_modules`. Unpacked it runs as it is: an installation by
 * npm, offline, takes a cache in a form that is npm's own affair.
 */
export async function packageTree(root: string): Promise<readonly SourceFile[]> {
  const own = await manifestOf(root);
  const main = join(root, "dist", "provider", "main.js");
  if (!(await isThere(main))) throw bundleErrors.make("BUNDLE_NOT_COMPILED", { file: main });
  const top = `node_modules/${own.name}`;
  const placed = new Map([[top, await realpath(root)]]);
  // Breadth first: what the package itself needs lies at the top, as npm has it.
  for (const [path, folder] of placed) await placeDependencies(placed, path, folder);
  const [, ...others] = placed;
  const kept = ["package.json", "LICENSE", "README.md", ...(own.files ?? [])];
  const parts = await Promise.all([
    ...kept.map((name) => filesOf(join(root, name), `${top}/${name}`)),
    ...others.map(([path, folder]) => filesOf(folder, path)),
  ]);
  return parts.flat();
}

/** A Map that grows while it is walked: each package puts those that it needs where it finds them. */
async function placeDependencies(placed: Map<string, string>, path: string, folder: string): Promise<void> {
  const { name: by, dependencies = {}, optionalDependencies = {} } = await manifestOf(folder);
  for (const name of [
    ...new Set([...Object.keys(dependencies), ...Object.keys(optionalDependencies)]),
  ].sort()) {
    const found = await lookUp(folder, name);
    if (found === undefined) {
      if (name in optionalDependencies) continue; // for another platform
      throw bundleErrors.make("BUNDLE_NO_DEPENDENCY", { name, by });
    }
    const seen = seenFrom(placed, path, name);
    if (seen === found) continue;
    placed.set(seen === undefined ? `node_modules/${name}` : `${path}/node_modules/${name}`, found);
  }
}

/** What Node finds under a name from a folder of this host. */
async function lookUp(folder: string, name: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const candidate = join(at, "node_modules", name);
    if (await isThere(join(candidate, "package.json"))) return realpath(candidate);
    if (dirname(at) === at) return undefined;
  }
}

/** The same from a package of the bundle: beside itself, and beside each that it lies in. */
function seenFrom(placed: ReadonlyMap<string, string>, path: string, name: string): string | undefined {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
    const found = placed.get(`${at}/node_modules/${name}`);
    if (found !== undefined) return found;
  }
  return placed.get(`node_modules/${name}`);
}

/** A file, or all below a folder but what was installed into it; none where there is nothing. */
export async function filesOf(from: string, path: string): Promise<readonly SourceFile[]> {
  const entries = await readdir(from, { withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => error.code,
  );
  if (entries === "ENOENT") return [];
  if (!Array.isArray(entries)) return [{ path, from }];
  const below = entries
    .filter((entry) => entry.name !== "node_modules" && (entry.isFile() || entry.isDirectory()))
    .map(({ name }) => filesOf(join(from, name), `${path}/${name}`));
  return (await Promise.all(below)).flat();
}

const manifestOf = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Manifest;

const isThere = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );
