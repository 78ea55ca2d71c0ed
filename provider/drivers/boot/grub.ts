import { join } from "node:path";
import type { RamdiskArch } from "../../kernel/arch.ts";
import { type Dialect, filesOf, headOf, type MenuChoice, mark } from "./dialect.ts";
import type { BootDriver, BootFiles } from "./driver.ts";
import { type Commands, entry, type Loaders, loading, makers } from "./grub-words.ts";
import { openTree } from "./tree.ts";
import { ownWords } from "./words.ts";

export interface GrubOptions {
  /** Absolute path of the folder that TFTP serves. */
  readonly tftpRoot: string;
  /** Default: x86_64. */
  readonly arch?: RamdiskArch;
  /** A folder in which the packages may lie unpacked. */
  readonly unpacked?: string | undefined;
  readonly loaders?: Loaders;
}

/**
 * Network boot of UEFI servers: firmware → shim, signed by Microsoft → GRUB, signed by the distribution → kernel, signed by it
 * too; so it holds with Secure Boot on. Opening does no I/O.
 */
export function openGrub({ tftpRoot, arch = "x86_64", unpacked, loaders }: GrubOptions): BootDriver {
  const { packages, suffix, ...usual } = makers[arch];
  const { shim, grub } = loaders ?? usual;
  const places = (paths: readonly string[]) =>
    unpacked === undefined ? paths : [...paths, ...paths.map((path) => join(unpacked, path))];
  return openTree(tftpRoot, {
    loaders: [
      { name: `shim${suffix}.efi`, places: places(shim) },
      // The very name that shim asks for, beside itself (shim 16.1, tried with OVMF 2022.11).
      { name: `grub${suffix}.efi`, places: places(grub) },
    ],
    packages,
    ...dialect,
    menu: (files, choice, mac) => menu(files, choice, removable(arch), mac),
  });
}

/** The path that every removable disk and every written image has for the firmware of an architecture. */
const removable = (arch: RamdiskArch) => `/EFI/BOOT/BOOT${makers[arch].suffix.toUpperCase()}.EFI`;

/**
 * To the local disk, by that path. `exit 1` instead leads, under shim, to the firmware's own menu, where a server stays for
 * ever (tried with OVMF 2022.11).
 */
const localDisk = (path: string): Commands => [
  `search --no-floppy --set=root --file ${path}`,
  `chainloader ${path}`,
];

const dialect: Omit<Dialect, "loaders" | "packages" | "menu"> = {
  folder: "grub",
  menuName: (mac) => `node-${mac}.cfg`,
  isMenu: (name) => /^node-[0-9a-f]{2}(:[0-9a-f]{2}){5}\.cfg$/.test(name),
  everybody: {
    // The only name that Debian's signed GRUB asks for, of whatever architecture: it knows none by MAC.
    name: "grub.cfg",
    text: [
      mark,
      "set timeout=0",
      // The card that the firmware booted from. Where its file is not there, GRUB says so and goes on below.
      "configfile /grub/node-$net_default_mac.cfg",
      "set default=local",
      `if [ "$grub_cpu" = arm64 ]; then set loader=${removable("aarch64")}; else set loader=${removable("x86_64")}; fi`,
      "",
      ...entry("local", localDisk("$loader")),
      "",
    ].join("\n"),
  },
  chooses: "set default=",
};

function menu(files: BootFiles, choice: MenuChoice, own: string, mac?: string): string {
  const { deployment, deploy, boot } = files;
  const path = filesOf(deployment);
  // GRUB has no `ipappend 2`: the card is found by this word.
  const card = mac === undefined ? [] : [`BOOTIF=01-${mac.replaceAll(":", "-")}`];
  const load = (kernel: string, ramdisk: string, args: readonly string[]) =>
    loading(deployment, { kernel, ramdisk, args });
  const system =
    boot === "local" ? localDisk(own) : load(path.kernel, path.ramdisk, ownWords(files, boot, choice));
  return [
    ...headOf(deployment),
    `set default=${choice.label}`,
    "set timeout=0",
    "",
    ...entry("deploy", load(path.deployKernel, path.deployRamdisk, [...deploy.args, ...card])),
    "",
    ...entry("boot", system),
    "",
  ].join("\n");
}
