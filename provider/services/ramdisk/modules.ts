import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { moduleInfo } from "./elf.ts";

/** One kernel module of an unpacked kernel package, uncompressed. */
export interface Module {
  /** With underscores, as the kernel calls it. */
  readonly name: string;
  /** Below `lib/modules/VERSION`: `kernel/drivers/scsi/sd_mod.ko`. */
  readonly path: string;
  readonly content: Uint8Array;
  /** Names of the modules that have to be there first; those that the kernel has built in are left out. */
  readonly depends: readonly string[];
  readonly aliases: readonly string[];
  /** Names of firmware files that it may ask for. */
  readonly firmware: readonly string[];
}

/** Where each module of a kernel lies, by its name. */
export interface ModuleTree {
  readonly root: string;
  readonly paths: ReadonlyMap<string, string>;
}

/** List the modules below `root` (`…/lib/modules/VERSION`) without reading them. */
export async function openModules(root: string): Promise<ModuleTree> {
  const paths = new Map<string, string>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ko")) continue;
    paths.set(nameOf(entry.name), relative(root, join(entry.parentPath, entry.name)));
  }
  return { root, paths };
}

/** The modules named and all that they need, each after what it needs. Names that this kernel has not are left out. */
export async function resolveModules(tree: ModuleTree, names: readonly string[]): Promise<readonly Module[]> {
  const order = new Map<string, Module>();
  const visit = async (name: string, above: readonly string[]): Promise<void> => {
    const path = tree.paths.get(name);
    if (path === undefined || order.has(name) || above.includes(name)) return;
    const content = await readFile(join(tree.root, path));
    const info = moduleInfo(content);
    const depends = splitNames(info.get("depends")).filter((other) => tree.paths.has(other));
    for (const other of [...depends, ...softBefore(info.get("softdep"))])
      await visit(other, [...above, name]);
    const { aliases, firmware } = { aliases: info.get("alias") ?? [], firmware: info.get("firmware") ?? [] };
    order.set(name, { name, path, content, depends, aliases, firmware });
  };
  for (const name of names) await visit(nameOf(name), []);
  return [...order.values()];
}

/** `modules.dep` as depmod writes it: each line names a module and everything it needs, in reverse order of loading. */
export function dependencyTable(modules: readonly Module[]): string {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const all = (module: Module): readonly Module[] => {
    const direct = module.depends.flatMap((name) => byName.get(name) ?? []);
    return unique([...direct.flatMap(all), ...direct]);
  };
  return modules
    .map((module) => {
      const paths = all(module).map(({ path }) => path);
      return `${module.path}:${paths
        .reverse()
        .map((path) => ` ${path}`)
        .join("")}\n`;
    })
    .join("");
}

/** `modules.alias` as depmod writes it: which hardware, by its modalias, wants which module. */
export function aliasTable(modules: readonly Module[]): string {
  return modules.flatMap(({ name, aliases }) => aliases.map((alias) => `alias ${alias} ${name}\n`)).join("");
}

/** A file's name or a module's name with dashes, as the kernel calls it. */
export function nameOf(file: string): string {
  return file.replace(/\.ko$/, "").replaceAll("-", "_");
}

function splitNames(lists: readonly string[] = []): readonly string[] {
  return lists
    .flatMap((list) => list.split(","))
    .filter((name) => name !== "")
    .map(nameOf);
}

function softBefore(lines: readonly string[] = []): readonly string[] {
  return lines.flatMap((line) => {
    const before = /\bpre:\s*([^:]*?)(?:\s+\w+:|$)/.exec(line)?.[1] ?? "";
    return before
      .split(/\s+/)
      .filter((name) => name !== "")
      .map(nameOf);
  });
}

function unique<T>(list: readonly T[]): readonly T[] {
  return [...new Set(list)];
}
