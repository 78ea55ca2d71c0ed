import { createHash } from "node:crypto";
import { access, constants, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { writeAtomically } from "../../kernel/files.ts";
import type { BootDriver, BootEntry, BootFiles, BootLabel, BootSeen } from "./driver.ts";
import { bootErrors } from "./errors.ts";
import { defaultMenu, filesOf, menuName, menuText, readMenu } from "./menu.ts";
import { codeOf, place } from "./place.ts";

/** Where the boot loader's two files may lie on this host; the first that is there is taken. */
interface Loaders {
  readonly pxelinux: readonly string[];
  readonly ldlinux: readonly string[];
}

/** Debian and Ubuntu (pxelinux, syslinux-common), then Arch, then Fedora and its kin. */
const usualLoaders: Loaders = {
  pxelinux: [
    "/usr/lib/PXELINUX/pxelinux.0",
    "/usr/lib/syslinux/bios/pxelinux.0",
    "/usr/share/syslinux/pxelinux.0",
  ],
  ldlinux: [
    "/usr/lib/syslinux/modules/bios/ldlinux.c32",
    "/usr/lib/syslinux/bios/ldlinux.c32",
    "/usr/share/syslinux/ldlinux.c32",
  ],
};

export interface PxelinuxOptions {
  /** Absolute path of the folder that TFTP serves. */
  readonly tftpRoot: string;
  readonly loaders?: Loaders;
}

/**
 * Network boot of BIOS servers by pxelinux, in the tree that Nova laid: `<deployment>/{kernel,ramdisk,deploy_kernel,
 * deploy_ramdisk,config}` and one menu for each MAC. Opening does no I/O.
 *
 * The menus are files of their own, not Nova's links to `config`: a link dangles for a TFTP server in a chroot, and
 * between two owners of a MAC there would be a moment without a menu. A rename switches one MAC in one step.
 */
export function openPxelinux({ tftpRoot: root, loaders = usualLoaders }: PxelinuxOptions): BootDriver {
  return {
    async prepare(ctx, files, label = "deploy", { rootUuid } = {}) {
      check(files.deployment, files.macs);
      // The text first: nothing is laid for arguments that are refused.
      const text = menuText(files, label, rootUuid);
      await writing(root, files.deployment, async () => {
        await layRoot(ctx, { tftpRoot: root, loaders });
        await layFiles(ctx, root, files);
        await layMenus(ctx, root, files, text);
      });
      ctx.log.info("boot files prepared", { deployment: files.deployment, macs: files.macs.join(",") });
    },
    async switchTo(ctx, files, label, { rootUuid } = {}) {
      check(files.deployment, files.macs);
      const text = menuText(files, label, rootUuid);
      await writing(root, files.deployment, () => layMenus(ctx, root, files, text));
      ctx.log.info("boot switched", { deployment: files.deployment, label });
    },
    async seen(ctx, deployment, macs) {
      check(deployment, macs);
      ctx.signal.throwIfAborted();
      return look(root, deployment, macs);
    },
    async withdraw(ctx, deployment, macs) {
      check(deployment, macs);
      ctx.signal.throwIfAborted();
      await writing(root, deployment, () => clear(root, deployment, macs));
      ctx.log.info("boot files withdrawn", { deployment });
    },
  };
}

/** Lay the boot loader and the menu of those who have none. */
async function layRoot(ctx: Context, { tftpRoot, loaders = usualLoaders }: PxelinuxOptions): Promise<void> {
  await mkdir(join(tftpRoot, "pxelinux.cfg"), { recursive: true });
  for (const [name, places] of [
    ["pxelinux.0", loaders.pxelinux],
    ["ldlinux.c32", loaders.ldlinux],
  ] as const) {
    ctx.signal.throwIfAborted();
    await keep(join(tftpRoot, name), await readFile(await firstOf(name, places)));
  }
  const menu = join(tftpRoot, "pxelinux.cfg/default");
  const present = await textOf(menu);
  // Somebody else's default menu, in a tree that we share, is not ours to replace.
  if (present === undefined || readMenu(present).ours) await keep(menu, Buffer.from(defaultMenu));
}

async function firstOf(file: string, places: readonly string[]): Promise<string> {
  for (const path of places) {
    const readable = await access(path, constants.R_OK).then(
      () => true,
      () => false,
    );
    if (readable) return path;
  }
  throw bootErrors.make("BOOT_LOADER_MISSING", { file, places: places.join(", ") });
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

/** `config` first and the menus last: what a server can find is complete. */
async function layMenus(ctx: Context, root: string, { deployment, macs }: BootFiles, text: string) {
  ctx.signal.throwIfAborted();
  await writeAtomically(join(root, filesOf(deployment).config), text);
  // Not cut off between two MACs: a server that may boot from either card would find two different things.
  for (const mac of macs) await writeAtomically(join(root, menuName(mac)), text);
  await sweep(root, deployment, macs);
}

/** Menus of this deployment for MACs that are not its own any more. */
async function sweep(root: string, deployment: string, keeping: readonly string[]): Promise<void> {
  const kept = new Set(keeping.map(menuName));
  const names = await readdir(join(root, "pxelinux.cfg")).catch(() => []);
  for (const name of names.filter((name) => /^01(-[0-9a-f]{2}){6}$/.test(name))) {
    if (kept.has(`pxelinux.cfg/${name}`)) continue;
    const path = join(root, "pxelinux.cfg", name);
    if (ownerOf(await textOf(path)) === deployment) await rm(path, { force: true });
  }
}

async function clear(root: string, deployment: string, macs: readonly string[]): Promise<void> {
  // Menus before files: no menu may name a kernel that is gone.
  await sweep(root, deployment, []);
  for (const mac of macs) {
    const path = join(root, menuName(mac));
    const named = ownerOf(await textOf(path));
    // One that names nobody was ours before it was edited by hand; left behind it could boot the writer again.
    if (named === undefined || named === deployment) await rm(path, { force: true });
  }
  await rm(join(root, deployment), { recursive: true, force: true });
}

const ownerOf = (text: string | undefined) => (text === undefined ? undefined : readMenu(text).deployment);

async function look(
  root: string,
  deployment: string,
  macs: readonly string[],
): Promise<BootSeen | undefined> {
  const path = filesOf(deployment);
  const missing: string[] = [];
  const labels = new Set<BootLabel | undefined>();
  const digest = createHash("sha256");
  let wantsOwn = false;
  for (const mac of [...macs].sort()) {
    const text = await textOf(join(root, menuName(mac)));
    const menu = text === undefined ? undefined : readMenu(text);
    digest.update(`${mac}\0${text ?? ""}\0`);
    if (menu?.deployment !== deployment) missing.push(menuName(mac));
    else labels.add(menu.label);
    wantsOwn ||= text?.includes(`kernel ${path.kernel}\n`) ?? false;
  }
  if (missing.length === macs.length && !(await isThere(join(root, deployment)))) return undefined;
  const wanted = [path.config, path.deployKernel, path.deployRamdisk];
  for (const name of [...wanted, ...(wantsOwn ? [path.kernel, path.ramdisk] : [])]) {
    if (!(await isThere(join(root, name)))) missing.push(name);
  }
  const [label] = labels;
  return { label: labels.size === 1 ? label : undefined, digest: digest.digest("hex"), missing };
}

function check(deployment: string, macs: readonly string[]): void {
  const plain = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(deployment);
  if (!plain || /^(pxelinux\.(0|cfg)|ldlinux\.c32)$/i.test(deployment)) {
    throw bootErrors.make("BOOT_BAD_NAME", { name: deployment.slice(0, 80) });
  }
  const odd = macs.find((mac) => !/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac));
  if (odd !== undefined) throw bootErrors.make("BOOT_BAD_MAC", { mac: odd.slice(0, 40), deployment });
}

/** Do what writes below the root, and put the system's refusal into words. */
async function writing(root: string, deployment: string, body: () => Promise<void>): Promise<void> {
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
