import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { RamdiskArch } from "../../kernel/arch.ts";
import type { CpioEntry } from "./cpio.ts";
import { moduleInfo } from "./elf.ts";
import { ramdiskErrors } from "./errors.ts";
import { nameOf } from "./modules.ts";

/** What a site puts into the deploy ramdisk beside what is ours; folders of this host. */
export interface Additions {
  /** Like `/lib/firmware`: what the drivers may ask for is copied from there. */
  readonly firmwareDir?: string | undefined;
  /** Kernel modules (`*.ko`) built for the ramdisk's kernel; they are loaded at each boot, and stand in the place of the kernel's own. */
  readonly modulesDir?: string | undefined;
  /** Scripts that are run at the points that their names begin with. */
  readonly hooksDir?: string | undefined;
}

/** The points of a deployment at which hooks are run. */
const points = ["before-disk", "before-done"] as const;
const hookName = new RegExp(`^(${points.join("|")})[\\w.-]{0,64}$`);

/** A digest's worth of what lies in these folders: names, sizes and times, so that a changed file makes another ramdisk. */
export async function fingerprintOf({ firmwareDir, modulesDir, hooksDir }: Additions): Promise<string> {
  const folders = [firmwareDir, modulesDir, hooksDir].map(async (folder) => {
    if (folder === undefined) return [];
    const entries = await list(folder, true);
    const files = entries.map(async (path) => {
      const { size, mtimeMs } = await stat(join(folder, path));
      return `${path} ${size} ${mtimeMs}`;
    });
    return await Promise.all(files);
  });
  return JSON.stringify(await Promise.all(folders));
}

/** The paths of the files in a folder, below it if asked for, in order; links to nothing are left out. */
async function list(folder: string, recursive: boolean): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive }).catch((error: NodeJS.ErrnoException) => {
    throw misfit(`the folder ${folder} cannot be read (${error.code ?? error.message})`, error);
  });
  const kept = entries.map(async (path) => {
    const found = await stat(join(folder, path)).catch(() => undefined);
    return found?.isFile() ? [path] : [];
  });
  return (await Promise.all(kept)).flat().sort();
}

/** A site's own modules, put beside those of the unpacked kernel: path below its folder, by name. */
export async function addModules(
  folder: string,
  kernel: { readonly version: string; readonly modules: string },
  arch: RamdiskArch,
): Promise<ReadonlyMap<string, string>> {
  const added = new Map<string, string>();
  await mkdir(join(kernel.modules, "extra"), { recursive: true });
  for (const file of (await list(folder, false)).filter((path) => /\.ko(\.\w+)?$/.test(path))) {
    if (!file.endsWith(".ko")) throw misfit(`the module ${file} is compressed; give it as it was built`);
    const content = await readFile(join(folder, file));
    const magic = moduleInfo(content).get("vermagic")?.[0];
    if (magic === undefined) throw misfit(`${file} is no kernel module for ${arch}`);
    const [release] = magic.split(" ");
    if (release !== kernel.version) {
      throw misfit(`the module ${file} was built for Linux ${release}, the ramdisk has ${kernel.version}`);
    }
    await writeFile(join(kernel.modules, "extra", file), content);
    added.set(nameOf(file), join("extra", file));
  }
  if (added.size === 0) throw misfit(`the folder ${folder} holds no kernel module (*.ko)`);
  return added;
}

/** A site's own scripts, as they lie in the ramdisk. */
export async function hookFiles(folder: string): Promise<readonly CpioEntry[]> {
  const names = await list(folder, false);
  const other = names.find((name) => !hookName.test(name));
  if (other !== undefined)
    throw misfit(`${basename(other)} is no hook: their names begin with ${points.join(" or ")}`);
  if (names.length === 0) throw misfit(`the folder ${folder} holds no hook`);
  return Promise.all(
    names.map(async (name) => {
      const content = await readFile(join(folder, name));
      // Without this line the kernel cannot run it, and says "not found" of a file that is there.
      if (content.toString("latin1", 0, 2) !== "#!")
        throw misfit(`the hook ${name} does not begin with #! and a program, as in #!/bin/sh`);
      return { kind: "file", path: `lib/baremetal/hooks/${name}`, mode: 0o755, content } as const;
    }),
  );
}

const misfit = (reason: string, cause?: unknown) =>
  ramdiskErrors.make("RAMDISK_BAD_ADDITION", { reason }, { cause });
