import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RamdiskArch } from "../../kernel/arch.ts";
import type { Context } from "../../kernel/context.ts";
import { writeAtomically } from "../../kernel/files.ts";
import { encodeFat } from "../../services/volumes/fat.ts";
import { writeIso } from "../../services/volumes/iso.ts";
import { filesOf, headOf, readMenu } from "./dialect.ts";
import type { BootDriver, BootFiles, BootLabel } from "./driver.ts";
import { bootErrors } from "./errors.ts";
import { entry, type Loaders, loading, makers } from "./grub-words.ts";
import { codeOf } from "./place.ts";
import { checkNames, writing } from "./tree.ts";

export interface MediaOptions {
  /** Absolute path of the folder that TFTP and HTTP serve. */
  readonly tftpRoot: string;
  readonly arch: RamdiskArch;
  /** A folder in which the packages may lie unpacked. */
  readonly unpacked?: string | undefined;
  /** Whether HTTP serves it at all. */
  readonly http: boolean;
  readonly loaders?: Loaders;
}

const chooses = "set default=";
/** Room for shim and GRUB, which have five megabytes (Debian 12). */
const efiSize = 12 * 2 ** 20;

/**
 * Servers that start from an image of a CD, which their controllers fetch by HTTP: firmware → shim → GRUB → kernel, all signed, as
 * from the network. Each image has a name that nobody can guess, as its kernel's words hold the deployment's key; it goes when the
 * deployment goes on. Opening does no I/O.
 */
export function openMedia(options: MediaOptions): BootDriver {
  const { tftpRoot: root, arch, unpacked, http } = options;
  const { packages, suffix, ...usual } = makers[arch];
  const { shim, grub } = options.loaders ?? { shim: usual.shim, grub: usual.cdGrub };
  const loader = async (file: string, paths: readonly string[]): Promise<Buffer> => {
    const places = unpacked === undefined ? paths : [...paths, ...paths.map((path) => join(unpacked, path))];
    for (const path of places) {
      const found = await readFile(path).catch(() => undefined);
      if (found) return found;
    }
    throw bootErrors.make("BOOT_LOADER_MISSING", { file, places: places.join(", "), packages });
  };
  const loaders = async () => [
    { name: `BOOT${suffix.toUpperCase()}.EFI`, content: await loader(`shim${suffix}.efi`, shim) },
    { name: `GRUB${suffix.toUpperCase()}.EFI`, content: await loader(`gcd${suffix}.efi`, grub) },
  ];

  async function lay(ctx: Context, files: BootFiles, label: BootLabel): Promise<void> {
    const { deployment, boot } = files;
    checkNames(deployment, files.macs);
    if (boot !== "local") throw bootErrors.make("BOOT_MEDIA_LOCAL_ONLY", { deployment });
    // Names of this image alone: another disc may have a kernel too.
    const [token, unique] = [randomBytes(16).toString("hex"), randomBytes(4).toString("hex").toUpperCase()];
    const text =
      label === "deploy" ? menuOf(files, unique) : [...headOf(deployment), `${chooses}boot`, ""].join("\n");
    await writing(root, deployment, async () => {
      await mkdir(join(root, deployment), { recursive: true });
      for (const name of await imagesIn(root, deployment))
        await rm(join(root, deployment, name), { force: true });
      if (label === "deploy") {
        const menu = { name: "GRUB.CFG", content: Buffer.from(text) };
        const folder = [{ name: "EFI", files: [{ name: "BOOT", files: [...(await loaders()), menu] }] }];
        await writeIso(ctx, join(root, deployment, `${token}.iso`), {
          label: "BAREMETAL",
          efi: encodeFat({ label: "BAREMETAL", size: efiSize, files: folder }),
          files: [
            // GRUB, too, is in the volume, and takes the disc for where it came from.
            { name: "EFI/BOOT/GRUB.CFG", content: menu.content },
            { name: `${unique}.K`, content: files.deploy.kernel },
            { name: `${unique}.R`, content: files.deploy.ramdisk },
          ],
        });
      }
      await writeAtomically(join(root, filesOf(deployment).config), text);
    });
    ctx.log.info("virtual medium laid", { deployment, label });
  }

  return {
    async ready() {
      if (!http) throw bootErrors.make("BOOT_MEDIA_NEEDS_HTTP", {});
      await loaders();
    },
    prepare: (ctx, files, label = "deploy") => lay(ctx, files, label),
    switchTo: lay,
    async medium(_, { deployment, http: base }) {
      const [name] = await imagesIn(root, deployment);
      if (base === undefined) throw bootErrors.make("BOOT_MEDIA_NEEDS_HTTP", {});
      if (name === undefined)
        throw bootErrors.make("BOOT_SOURCE_MISSING", {
          what: "image of a CD",
          deployment,
          path: join(root, deployment),
        });
      return `${base}/${encodeURIComponent(deployment)}/${name}`;
    },
    async seen(ctx, deployment, macs) {
      checkNames(deployment, macs);
      ctx.signal.throwIfAborted();
      const text = await readFile(join(root, filesOf(deployment).config), "utf8").catch(() => undefined);
      if (text === undefined) return undefined;
      const { label } = readMenu(text, { chooses });
      const gone = label === "deploy" && (await imagesIn(root, deployment)).length === 0;
      const digest = createHash("sha256").update(text).digest("hex");
      return { label, digest, missing: gone ? [`${deployment}/*.iso`] : [] };
    },
    async withdraw(ctx, deployment, macs) {
      checkNames(deployment, macs);
      ctx.signal.throwIfAborted();
      await writing(root, deployment, () => rm(join(root, deployment), { recursive: true, force: true }));
      ctx.log.info("virtual medium withdrawn", { deployment });
    },
  };
}

async function imagesIn(root: string, deployment: string): Promise<readonly string[]> {
  try {
    return (await readdir(join(root, deployment))).filter((name) => name.endsWith(".iso"));
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return [];
  }
}

const menuOf = ({ deployment, deploy }: BootFiles, unique: string): string => {
  const [kernel, ramdisk] = [`${unique.toLowerCase()}.k`, `${unique.toLowerCase()}.r`];
  return [
    ...headOf(deployment),
    "set timeout=0",
    `${chooses}deploy`,
    `search --no-floppy --set=root --file /${kernel}`,
    "",
    ...entry("deploy", loading(deployment, { kernel, ramdisk, args: deploy.args })),
    "",
  ].join("\n");
};
