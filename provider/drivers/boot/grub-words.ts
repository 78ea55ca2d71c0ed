import type { RamdiskArch } from "../../kernel/arch.ts";
import { bootErrors } from "./errors.ts";
import { beginning, kernelWords } from "./words.ts";

/** Where the signed boot loaders may lie on this host; the first that is there is taken. */
export interface Loaders {
  readonly shim: readonly string[];
  readonly grub: readonly string[];
}

/** What differs between architectures: where the loaders lie, under what names they are fetched, what a disk's own is called. */
interface Maker extends Loaders {
  /** The one for a CD. */
  readonly cdGrub: readonly string[];
  readonly packages: string;
  /** How UEFI calls the architecture, in names of files. */
  readonly suffix: string;
}

/**
 * Debian and Ubuntu; Ubuntu's shim has a second name. Other distributions' GRUB looks for its configuration in places of its
 * own, or has no network in it.
 */
export const makers: Readonly<Record<RamdiskArch, Maker>> = {
  x86_64: {
    shim: ["/usr/lib/shim/shimx64.efi.signed", "/usr/lib/shim/shimx64.efi.signed.latest"],
    grub: ["/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed"],
    cdGrub: ["/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed"],
    packages: "shim-signed grub-efi-amd64-signed",
    suffix: "x64",
  },
  aarch64: {
    shim: ["/usr/lib/shim/shimaa64.efi.signed", "/usr/lib/shim/shimaa64.efi.signed.latest"],
    grub: ["/usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed"],
    cdGrub: ["/usr/lib/grub/arm64-efi-signed/gcdaa64.efi.signed"],
    packages: "shim-signed:arm64 grub-efi-arm64-signed:arm64",
    suffix: "aa64",
  },
};

/** Of GRUB: both have to work before a kernel is started. */
export type Commands = readonly [string, string];

/** What failed ends at a prompt, for ever; after 5 s it is tried again. A kernel without its ramdisk is not started. */
const untilItBoots = ([first, second]: Commands): readonly string[] => [
  "  while true; do",
  `    if ${first}; then`,
  `      if ${second}; then boot; fi`,
  "    fi",
  "    sleep 5",
  "  done",
];

/** A menu entry that tries its two commands until they boot. */
export const entry = (name: string, commands: Commands): readonly string[] => [
  `menuentry ${name} --id ${name} {`,
  ...untilItBoots(commands),
  "}",
];

/** Load a kernel and its ramdisk, by their paths from the root on. BOOT_BAD_WORD, BOOT_ARGS_TOO_LONG, BOOT_QUOTED_WORD. */
export function loading(
  deployment: string,
  {
    kernel,
    ramdisk,
    args,
  }: { readonly kernel: string; readonly ramdisk: string; readonly args: readonly string[] },
): Commands {
  const words = kernelWords(deployment, `BOOT_IMAGE=/${kernel}`, args)
    .flatMap((word) => word.split(" "))
    .filter((word) => word !== "");
  return [
    ["linux", `/${kernel}`, ...words.map((word) => quoted(deployment, word))].join(" "),
    `initrd /${ramdisk}`,
  ];
}

/** A word as GRUB's shell takes it for itself. It puts a backslash before these three, and the kernel would see it (2.06, lib/cmdline.c). */
function quoted(deployment: string, word: string): string {
  if (/['"\\]/.test(word)) {
    throw bootErrors.make("BOOT_QUOTED_WORD", { deployment, word: beginning(word) });
  }
  return /^[\w.,:=/%+@-]*$/.test(word) ? word : `'${word}'`;
}
