import { createHash } from "node:crypto";
import { access, constants, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { writeAtomically } from "../../kernel/files.ts";
import { type Dialect, filesOf, type Loader, type MenuChoice, readMenu } from "./dialect.ts";
import type { BootDriver, BootEntry, BootFiles, BootLabel, BootSeen } from "./driver.ts";
import { bootErrors } from "./errors.ts";
import { codeOf, place } from "./place.ts";

/**
 * A boot driver over the tree that Nova laid: `<deployment>/{kernel,ramdisk,deploy_kernel,deploy_ramdisk,config}` and one
 * menu for each MAC, as the dialect's loader asks for it. Opening does no I/O.
 *
 * The menus are files of their own, not Nova's links to `config`: a link dangles for a TFTP server in a chroot, and
 * between two owners of a MAC there would be a moment without a menu. A rename switches one MAC in one step.
 */
export function openTree(root: string, dialect: Dialect): BootDriver {
  const tree: Tree = { root, dialect };
  return {
    async ready() {
      for (const loader of dialect.loaders) await sourceOf(loader, dialect);
    },
    async prepare(ctx, files, label = "deploy", { rootUuid } = {}) {
      checkNames(files.deployment, files.macs);
      // The text first: nothing is laid for arguments that are refused.
      const menus = menusOf(tree, files, { label, rootUuid });
      await writing(root, files.deployment, async () => {
        await layRoot(ctx, tree);
        await layFiles(ctx, root, files);
        await layMenus(ctx, tree, files, menus);
      });
      ctx.log.info("boot files prepared", { deployment: files.deployment, macs: files.macs.join(",") });
    },
    async switchTo(ctx, files, label, { rootUuid } = {}) {
      checkNames(files.deployment, files.macs);
      const menus = menusOf(tree, files, { label, rootUuid });
      await writing(root, files.deployment, () => layMenus(ctx, tree, files, menus));
      ctx.log.info("boot switched", { deployment: files.deployment, label });
    },
    async seen(ctx, deployment, macs) {
      checkNames(deployment, macs);
      ctx.signal.throwIfAborted();
      return look(tree, deployment, macs);
    },
    async withdraw(ctx, deployment, macs) {
      checkNames(deployment, macs);
      ctx.signal.throwIfAborted();
      await writing(root, deployment, () => clear(tree, deployment, macs));
      ctx.log.info("boot files withdrawn", { deployment });
    },
  };
}

interface Tree {
  readonly root: string;
  readonly dialect: Dialect;
}

/** Paths below the root, in the order in which they are written, and their texts. */
type Menus = readonly (readonly [path: string, text: string])[];

/** `config` first and the menus last: what a server can find is complete. */
const menusOf = ({ dialect }: Tree, files: BootFiles, choice: MenuChoice): Menus => [
  [filesOf(files.deployment).config, dialect.menu(files, choice)],
  ...files.macs.map((mac) => [pathOf(dialect, mac), dialect.menu(files, choice, mac)] as const),
];

const pathOf = ({ folder, menuName }: Dialect, mac: string) => `${folder}/${menuName(mac)}`;

/** Lay the boot loader and the menu of those who have none. */
async function layRoot(ctx: Context, { root, dialect }: Tree): Promise<void> {
  const { loaders, folder, everybody } = dialect;
  await mkdir(join(root, folder), { recursive: true });
  for (const loader of loaders) {
    ctx.signal.throwIfAborted();
    await keep(join(root, loader.name), await readFile(await sourceOf(loader, dialect)));
  }
  const menu = join(root, folder, everybody.name);
  const present = await textOf(menu);
  // Somebody else's default menu, in a tree that we share, is not ours to replace.
  if (present === undefined || readMenu(present, dialect).ours) await keep(menu, Buffer.from(everybody.text));
}

async function sourceOf({ name, places }: Loader, { packages }: Dialect): Promise<string> {
  for (const path of places) if (await isThere(path)) return path;
  throw bootErrors.make("BOOT_LOADER_MISSING", { file: name, places: places.join(", "), packages });
}

async function keep(path: string, content: Buffer): Promise<void> {
  const present = await readFile(path).catch(() => undefined);
  if (!present?.equals(content)) await writeAtomically(path, content);
}

async function layFiles(ctx: Context, root: string, { deployment, deploy, boot }: BootFiles): Promise<void> {
  const path = filesOf(deployment);
  const put = async (what: string, source: string, name: string) => {
    try {
      await place(ctx, source, join(root, name));
    } catch (error) {
      if (await isThere(source)) throw error;
      throw bootErrors.make("BOOT_SOURCE_MISSING", { what, deployment, path: source }, { cause: error });
    }
  };
  const both = async (who: string, entry: BootEntry, kernel: string, ramdisk: string) => {
    await put(`${who} kernel`, entry.kernel, kernel);
    await put(`${who} ramdisk`, entry.ramdisk, ramdisk);
  };
  await both("deploy", deploy, path.deployKernel, path.deployRamdisk);
  if (boot !== "local") return both("image's", boot, path.kernel, path.ramdisk);
  for (const name of [path.kernel, path.ramdisk]) await rm(join(root, name), { force: true });
}

async function layMenus(
  ctx: Context,
  tree: Tree,
  { deployment, macs }: BootFiles,
  menus: Menus,
): Promise<void> {
  ctx.signal.throwIfAborted();
  // Not cut off between two MACs: a server that may boot from either card would find two different things.
  for (const [path, text] of menus) await writeAtomically(join(tree.root, path), text);
  await sweep(tree, deployment, macs);
}

/** Menus of this deployment for MACs that are not its own any more. */
async function sweep({ root, dialect }: Tree, deployment: string, keeping: readonly string[]): Promise<void> {
  const kept = new Set(keeping.map(dialect.menuName));
  const names = await readdir(join(root, dialect.folder)).catch(() => []);
  for (const name of names) {
    if (!dialect.isMenu(name) || kept.has(name)) continue;
    const path = join(root, dialect.folder, name);
    if (ownerOf(await textOf(path), dialect) === deployment) await rm(path, { force: true });
  }
}

async function clear(tree: Tree, deployment: string, macs: readonly string[]): Promise<void> {
  const { root, dialect } = tree;
  // Menus before files: no menu may name a kernel that is gone.
  await sweep(tree, deployment, []);
  for (const mac of macs) {
    const path = join(root, pathOf(dialect, mac));
    const named = ownerOf(await textOf(path), dialect);
    // One that names nobody was ours before it was edited by hand; left behind it could boot the writer again.
    if (named === undefined || named === deployment) await rm(path, { force: true });
  }
  await rm(join(root, deployment), { recursive: true, force: true });
}

const ownerOf = (text: string | undefined, dialect: Dialect) =>
  text === undefined ? undefined : readMenu(text, dialect).deployment;

async function look(
  { root, dialect }: Tree,
  deployment: string,
  macs: readonly string[],
): Promise<BootSeen | undefined> {
  const path = filesOf(deployment);
  const missing: string[] = [];
  const labels = new Set<BootLabel | undefined>();
  const digest = createHash("sha256");
  let wantsOwn = false;
  for (const mac of [...macs].sort()) {
    const text = await textOf(join(root, pathOf(dialect, mac)));
    const menu = text === undefined ? undefined : readMenu(text, dialect);
    digest.update(`${mac}\0${text ?? ""}\0`);
    if (menu?.deployment !== deployment) missing.push(pathOf(dialect, mac));
    else labels.add(menu.label);
    wantsOwn ||= text?.split(/\s/).some((word) => `/${word}`.endsWith(`/${path.kernel}`)) ?? false;
  }
  if (missing.length === macs.length && !(await isThere(join(root, deployment)))) return undefined;
  const wanted = [path.config, path.deployKernel, path.deployRamdisk];
  for (const name of [...wanted, ...(wantsOwn ? [path.kernel, path.ramdisk] : [])]) {
    if (!(await isThere(join(root, name)))) missing.push(name);
  }
  const [label] = labels;
  return { label: labels.size === 1 ? label : undefined, digest: digest.digest("hex"), missing };
}

/** Names of the tree itself, of all drivers: they share it. */
const ours = /^(pxelinux\.(0|cfg)|ldlinux\.c32|grub|(shim|grub)(x64|aa64)\.efi)$/i;

/** BOOT_BAD_NAME, BOOT_BAD_MAC. */
export function checkNames(deployment: string, macs: readonly string[]): void {
  // With the prefix it is a visit's: no instance can have such a name.
  const plain = /^(visit@)?[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(deployment);
  if (!plain || ours.test(deployment)) {
    throw bootErrors.make("BOOT_BAD_NAME", { name: deployment.slice(0, 80) });
  }
  const odd = macs.find((mac) => !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac));
  if (odd !== undefined) throw bootErrors.make("BOOT_BAD_MAC", { mac: odd.slice(0, 40), deployment });
}

/** Do what writes below the root, and put the system's refusal into words. */
export async function writing(root: string, deployment: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof MetalError || codeOf(error) === "" || codeOf(error) === "ABORT_ERR") throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw bootErrors.make("BOOT_CANNOT_WRITE", { deployment, root, reason }, { cause: error });
  }
}

const textOf = (path: string): Promise<string | undefined> => readFile(path, "utf8").catch(() => undefined);
const isThere = (path: string): Promise<boolean> =>
  access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
