import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RamdiskArch } from "../../kernel/arch.ts";
import { type Additions, addModules, hookFiles } from "./additions.ts";
import type { CpioEntry } from "./cpio.ts";
import { neededLibraries } from "./elf.ts";
import { cannotBuild } from "./errors.ts";
import { byHardware, carried, type ExtraInitrd, extras, type Flavour, loadedAtOnce } from "./flavours.ts";
import { aliasTable, dependencyTable, type Module, openModules, resolveModules } from "./modules.ts";

/** The kernel that was found among the unpacked packages. */
export interface Kernel {
  readonly version: string;
  /** Path of the image that a boot loader starts. */
  readonly image: string;
  /** Path of its `lib/modules/VERSION`. */
  readonly modules: string;
}

/** Real programs: busybox has no blkid, nothing that grows a file system, and its cmp and dd are too slow or lack what is needed. */
const programs = ["blkid", "cmp", "dd", "e2fsck", "resize2fs"] as const;
const binFolders = ["bin", "sbin", "usr/bin", "usr/sbin"] as const;
/** Where libraries lie, and the program that loads them: by its path, which programs have built in. */
const libraries: Readonly<Record<RamdiskArch, { readonly folder: string; readonly loader: string }>> = {
  x86_64: { folder: "lib/x86_64-linux-gnu", loader: "lib64/ld-linux-x86-64.so.2" },
  aarch64: { folder: "lib/aarch64-linux-gnu", loader: "lib/ld-linux-aarch64.so.1" },
};
const emptyFolders = ["dev", "mnt", "proc", "root", "run", "sys", "tmp"] as const;
const requiredModules = ["iscsi_target_mod", "target_core_iblock", "sd_mod"] as const;

/** Where init and its parts lie, in the source tree and in the published package alike. */
const assetsFolder = new URL("./assets/", import.meta.url);

/** Our own scripts, by file name. */
export async function readAssets(): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(assetsFolder)).filter((name) => /\.(sh|awk)$/.test(name)).sort();
  const contents = await Promise.all(names.map((name) => readFile(new URL(name, assetsFolder), "utf8")));
  return new Map(names.map((name, index) => [name, contents[index] ?? ""]));
}

/** Path of the folder of our scripts. */
export const assetsPath = fileURLToPath(assetsFolder);

/** Find the kernel among unpacked packages, whose layout differs by release (`/lib` or `/usr/lib`). */
export async function findKernel(root: string): Promise<Kernel> {
  for (const folder of ["lib/modules", "usr/lib/modules"]) {
    for (const version of await readdir(join(root, folder)).catch(() => [])) {
      const modules = join(root, folder, version);
      for (const image of [join(root, "boot", `vmlinuz-${version}`), join(modules, "vmlinuz")]) {
        if (await isThere(image)) return { version, image, modules };
      }
    }
  }
  throw cannotBuild("the kernel package holds no kernel with modules");
}

interface TreeParts extends Additions {
  readonly flavour: Flavour;
  readonly arch: RamdiskArch;
  readonly extra?: ExtraInitrd | undefined;
  readonly root: string;
  readonly kernel: Kernel;
}

/** Everything that lies in the ramdisk. */
export async function treeOf({
  flavour,
  arch,
  extra,
  firmwareDir,
  modulesDir,
  hooksDir,
  root,
  kernel,
}: TreeParts): Promise<readonly CpioEntry[]> {
  const own =
    modulesDir === undefined ? new Map<string, string>() : await addModules(modulesDir, kernel, arch);
  const found = await openModules(kernel.modules);
  const tree = { ...found, paths: new Map([...found.paths, ...own]) };
  const modules = await resolveModules(tree, [...carried(flavour, tree, extra), ...own.keys()]);
  const atOnce = await resolveModules(tree, [...loadedAtOnce(flavour), ...own.keys()]);
  const builtIn = await readFile(join(kernel.modules, "modules.builtin"), "utf8").catch(() => "");
  const absent = requiredModules.find(
    (name) => !modules.some((module) => module.name === name) && !builtIn.includes(`/${name}.ko`),
  );
  if (absent !== undefined)
    throw cannotBuild(`the kernel package ${kernel.version} lacks the module ${absent}`);
  const files = [
    ...(await scripts()),
    ...(await programFiles(root, arch, [...programs, ...extras(flavour, extra).programs])),
    ...moduleFiles(kernel.version, modules, atOnce, byHardware(flavour)),
    ...(firmwareDir === undefined ? [] : await firmwareFiles(firmwareDir, modules)),
    ...(hooksDir === undefined ? [] : await hookFiles(hooksDir)),
  ];
  return [...folders(files), ...files];
}

const file = (path: string, content: Uint8Array | string, mode = 0o644): CpioEntry => ({
  kind: "file",
  path,
  mode,
  content: Buffer.from(content),
});

async function scripts(): Promise<CpioEntry[]> {
  const assets = [...(await readAssets())];
  return [
    ...assets.map(([name, text]) => file(name === "init.sh" ? "init" : `lib/baremetal/${name}`, text, 0o755)),
    // The kernel itself calls this one when it wants a module.
    { kind: "link", path: "sbin/modprobe", target: "/bin/busybox" },
    // Its first process has these as stdin, stdout and stderr.
    { kind: "device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    { kind: "device", path: "dev/null", mode: 0o666, major: 1, minor: 3 },
  ];
}

async function programFiles(
  root: string,
  arch: RamdiskArch,
  programs: readonly string[],
): Promise<CpioEntry[]> {
  const { folder: libFolder, loader } = libraries[arch];
  const libFolders = [libFolder, `usr/${libFolder}`, dirname(loader), `usr/${dirname(loader)}`];
  // The loader finds the others in its own standard folder.
  const libraryPlace = (library: string) => (library.startsWith("ld-linux") ? dirname(loader) : libFolder);
  const found = new Map<string, CpioEntry>();
  const add = async (name: string, folders: readonly string[], place: string): Promise<void> => {
    if (found.has(name)) return;
    for (const folder of folders) {
      const path = join(root, folder, name);
      if (!(await isThere(path))) continue;
      const content = await readFile(path);
      found.set(name, file(`${place}/${name}`, content, 0o755));
      for (const library of neededLibraries(content)) await add(library, libFolders, libraryPlace(library));
      return;
    }
    throw cannotBuild(`none of the packages holds ${name}`);
  };
  await add("busybox", binFolders, "bin");
  for (const program of programs) await add(program, binFolders, "usr/bin");
  await add(basename(loader), libFolders, dirname(loader));
  return [...found.values()];
}

function moduleFiles(
  version: string,
  modules: readonly Module[],
  atOnce: readonly Module[],
  lookedUp: boolean,
): CpioEntry[] {
  const place = `lib/modules/${version}`;
  return [
    ...modules.map(({ path, content }) => file(`${place}/${path}`, content)),
    file(`${place}/modules.dep`, dependencyTable(modules)),
    file(`${place}/modules.alias`, aliasTable(modules)),
    file(`${place}/modules.symbols`, ""),
    file("lib/modules/order", atOnce.map(({ path }) => `${place}/${path}\n`).join("")),
    ...(lookedUp ? [file("lib/modules/by-hardware", "")] : []),
  ];
}

async function firmwareFiles(folder: string, modules: readonly Module[]): Promise<CpioEntry[]> {
  const names = [...new Set(modules.flatMap(({ firmware }) => firmware))].sort();
  const files: CpioEntry[] = [];
  for (const name of names) {
    if (await isThere(join(folder, name))) {
      files.push(file(`lib/firmware/${name}`, await readFile(join(folder, name))));
    }
  }
  return files;
}

function folders(files: readonly CpioEntry[]): CpioEntry[] {
  const paths = new Set<string>(emptyFolders);
  for (const { path } of files) {
    for (let above = dirname(path); above !== "."; above = dirname(above)) paths.add(above);
  }
  return [...paths]
    .sort()
    .map((path) => ({ kind: "directory", path, mode: basename(path) === "tmp" ? 0o1777 : 0o755 }));
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
