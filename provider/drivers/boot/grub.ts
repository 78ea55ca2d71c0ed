import { type Dialect, filesOf, headOf, type MenuChoice, mark } from "./dialect.ts";
import type { BootDriver, BootFiles } from "./driver.ts";
import { bootErrors } from "./errors.ts";
import { openTree } from "./tree.ts";
import { beginning, kernelWords, ownWords } from "./words.ts";

/** Where the signed boot loaders may lie on this host; the first that is there is taken. */
interface Loaders {
  readonly shim: readonly string[];
  readonly grub: readonly string[];
}

/**
 * Debian and Ubuntu (shim-signed, grub-efi-amd64-signed); Ubuntu's shim has a second name. Other distributions' GRUB looks
 * for its configuration in places of its own, or has no network in it.
 */
const usualLoaders: Loaders = {
  shim: ["/usr/lib/shim/shimx64.efi.signed", "/usr/lib/shim/shimx64.efi.signed.latest"],
  grub: ["/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"],
};

export interface GrubOptions {
  /** Absolute path of the folder that TFTP serves. */
  readonly tftpRoot: string;
  readonly loaders?: Loaders;
}

/**
 * Network boot of x86_64 UEFI servers: firmware → shim, signed by Microsoft → GRUB, signed by the distribution → kernel,
 * signed by it too; so it holds with Secure Boot on. Opening does no I/O.
 */
export const openGrub = ({ tftpRoot, loaders = usualLoaders }: GrubOptions): BootDriver =>
  openTree(tftpRoot, {
    loaders: [
      { name: "shimx64.efi", places: loaders.shim },
      // The very name that shim asks for, beside itself (shim 16.1, tried with OVMF 2022.11).
      { name: "grubx64.efi", places: loaders.grub },
    ],
    ...grub,
  });

type Commands = readonly [string, string];

/**
 * To the local disk: by the path that every removable disk and every written image has. `exit 1` instead leads, under shim,
 * to the firmware's own menu, where a server stays for ever (tried with OVMF 2022.11).
 */
const localDisk: Commands = [
  "search --no-floppy --set=root --file /EFI/BOOT/BOOTX64.EFI",
  "chainloader /EFI/BOOT/BOOTX64.EFI",
];

/** What failed ends at a prompt, for ever; after 5 s it is tried again. A kernel without its ramdisk is not started. */
const untilItBoots = ([first, second]: Commands): readonly string[] => [
  "  while true; do",
  `    if ${first}; then`,
  `      if ${second}; then boot; fi`,
  "    fi",
  "    sleep 5",
  "  done",
];

const entry = (name: string, commands: Commands): readonly string[] => [
  `menuentry ${name} --id ${name} {`,
  ...untilItBoots(commands),
  "}",
];

const grub: Omit<Dialect, "loaders"> = {
  packages: "shim-signed grub-efi-amd64-signed",
  folder: "grub",
  menuName: (mac) => `node-${mac}.cfg`,
  isMenu: (name) => /^node-[0-9a-f]{2}(:[0-9a-f]{2}){5}\.cfg$/.test(name),
  everybody: {
    // The only name that Debian's signed GRUB asks for: it knows none by MAC.
    name: "grub.cfg",
    text: [
      mark,
      "set timeout=0",
      // The card that the firmware booted from. Where its file is not there, GRUB says so and goes on below.
      "configfile /grub/node-$net_default_mac.cfg",
      "set default=local",
      "",
      ...entry("local", localDisk),
      "",
    ].join("\n"),
  },
  chooses: "set default=",
  menu,
};

function menu(files: BootFiles, choice: MenuChoice, mac?: string): string {
  const { deployment, deploy, boot } = files;
  const path = filesOf(deployment);
  // GRUB has no `ipappend 2`: the card is found by this word.
  const card = mac === undefined ? [] : [`BOOTIF=01-${mac.replaceAll(":", "-")}`];
  const load = (kernel: string, ramdisk: string, args: readonly string[]): Commands => {
    const words = kernelWords(deployment, `BOOT_IMAGE=/${kernel}`, args)
      .flatMap((word) => word.split(" "))
      .filter((word) => word !== "");
    return [
      ["linux", `/${kernel}`, ...words.map((word) => quoted(deployment, word))].join(" "),
      `initrd /${ramdisk}`,
    ];
  };
  const own = boot === "local" ? localDisk : load(path.kernel, path.ramdisk, ownWords(files, boot, choice));
  return [
    ...headOf(deployment),
    `set default=${choice.label}`,
    "set timeout=0",
    "",
    ...entry("deploy", load(path.deployKernel, path.deployRamdisk, [...deploy.args, ...card])),
    "",
    ...entry("boot", own),
    "",
  ].join("\n");
}

/** A word as GRUB's shell takes it for itself. It puts a backslash before these three, and the kernel would see it (2.06, lib/cmdline.c). */
function quoted(deployment: string, word: string): string {
  if (/['"\\]/.test(word)) {
    throw bootErrors.make("BOOT_QUOTED_WORD", { deployment, word: beginning(word) });
  }
  return /^[\w.,:=/%+@-]*$/.test(word) ? word : `'${word}'`;
}
