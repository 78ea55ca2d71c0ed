import { cp, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { RamdiskArch } from "../../provider/kernel/arch.ts";
import { fixedTime, type Identity, makeRoot, type Parts } from "./system.ts";

const mib = 2 ** 20;
/** Bytes. */
export const wholeSize = 512 * mib;
const bootSize = 64 * mib;
const bootStart = mib;
const rootStart = bootStart + bootSize;
/** The last MiB is the backup table's. */
const rootSize = wholeSize - rootStart - mib;
// Debian and Ubuntu, then Fedora.
const bootCode = ["/usr/lib/syslinux/mbr/gptmbr.bin", "/usr/share/syslinux/gptmbr.bin"];
/** What UEFI starts on an architecture: where its files lie, their suffix, and the console of QEMU's machines. */
interface Target {
  readonly shim: readonly string[];
  readonly grub: readonly string[];
  readonly suffix: string;
  readonly console: string;
}

const targets: Readonly<Record<RamdiskArch, Target>> = {
  x86_64: {
    shim: ["/usr/lib/shim/shimx64.efi.signed", "/usr/lib/shim/shimx64.efi.signed.latest"],
    grub: ["/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"],
    suffix: "x64",
    // An emulated timer comes late on a loaded host, and a kernel that checks it panics ("IO-APIC + timer doesn't work").
    console: "console=ttyS0 no_timer_check",
  },
  aarch64: {
    shim: ["/usr/lib/shim/shimaa64.efi.signed"],
    grub: ["/usr/lib/grub/arm64-efi-signed/grubaa64.efi.signed"],
    suffix: "aa64",
    console: "console=ttyAMA0",
  },
};

/** For whom a disk is made; `unpacked`: where the packages of its boot loaders lie, if they are not installed here. */
export interface Made {
  readonly arch: RamdiskArch;
  readonly unpacked?: string;
}
const here: Made = { arch: "x86_64" };
/** Of the table and of its two partitions. */
const guid = (last: number) => `6c616264-6973-4b00-8000-00000000000${last}`;

/**
 * A disk with a GPT: syslinux on FAT, which BIOS starts (x86_64), shim and GRUB there, which UEFI does, and an ext4 root.
 * Returns the qcow2 file's path.
 */
export async function makeWhole(
  work: string,
  parts: Parts,
  identity: Identity,
  made: Made = here,
): Promise<string> {
  const raw = join(work, `${identity.name}.raw`);
  await writeFile(raw, "");
  await truncate(raw, wholeSize);
  // Attribute 2 is "legacy BIOS bootable", which the boot code in sector 0 looks for.
  const first = ["-n", "1:2048:+64M", "-t", "1:ef00", "-A", "1:set:2", "-u", `1:${guid(1)}`];
  const second = ["-n", "2:0:0", "-t", "2:8300", "-u", `2:${guid(2)}`];
  await execa("sgdisk", ["-o", ...first, ...second, "-U", guid(0), raw]);
  if (made.arch === "x86_64") await place(await firstOf(bootCode), raw, 0, 440);
  await place(await makeBoot(work, parts, identity, made), raw, bootStart);
  await place(await makeRoot(work, parts, identity, rootSize), raw, rootStart);
  const qcow2 = join(work, `${identity.name}.qcow2`);
  await execa("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, qcow2]);
  return qcow2;
}

async function makeBoot(work: string, parts: Parts, { name, uuid }: Identity, made: Made): Promise<string> {
  const words = `${targets[made.arch].console} quiet root=UUID=${uuid}`;
  const image = join(work, `${name}.fat`);
  await writeFile(image, "");
  await truncate(image, bootSize);
  await execa("mkfs.vfat", ["--invariant", "-n", "BOOT", image]);
  const config = [
    "serial 0 115200",
    "default system",
    "prompt 0",
    "label system",
    " kernel vmlinuz",
    ` append initrd=initrd ${words}`,
  ];
  await writeFile(join(work, "syslinux.cfg"), `${config.join("\n")}\n`);
  await cp(parts.kernel, join(work, "vmlinuz"));
  await cp(parts.initramfs, join(work, "initrd"));
  const files = ["vmlinuz", "initrd", "syslinux.cfg"].map((file) => join(work, file));
  await execa("mcopy", ["-i", image, ...files, "::"], { env: { ...fixedTime, MTOOLS_SKIP_CHECK: "1" } });
  await makeEfi(work, image, [`linux /vmlinuz ${words}`, "initrd /initrd", "boot"], made);
  if (made.arch === "x86_64") await execa("syslinux", ["--install", image], { env: fixedTime });
  return image;
}

/**
 * Put shim and GRUB into a FAT file system, and what GRUB does. By the path that UEFI tries where it remembers nothing;
 * signed, so that Secure Boot may be on.
 */
export async function makeEfi(
  work: string,
  image: string,
  commands: readonly string[],
  { arch, unpacked = "/" }: Made = here,
): Promise<void> {
  const { shim, grub, suffix } = targets[arch];
  const found = (paths: readonly string[]) => firstOf(paths.map((path) => join(unpacked, path)));
  const env = { ...fixedTime, MTOOLS_SKIP_CHECK: "1" };
  const config = join(work, "grub.cfg");
  await writeFile(config, `${["set timeout=0", ...commands].join("\n")}\n`);
  // Where the distribution's GRUB looks for its configuration.
  const folders = ["EFI", "EFI/BOOT", "EFI/debian", "EFI/ubuntu"].map((folder) => `::${folder}`);
  await execa("mmd", ["-i", image, ...folders], { env });
  const put = (file: string, to: string) => execa("mcopy", ["-i", image, file, `::${to}`], { env });
  await put(await found(shim), `EFI/BOOT/BOOT${suffix.toUpperCase()}.EFI`);
  await put(await found(grub), `EFI/BOOT/grub${suffix}.efi`);
  for (const name of ["debian", "ubuntu"]) await put(config, `EFI/${name}/grub.cfg`);
}

/** Copy a file, or its first bytes, to an offset, and leave its holes out. */
export async function place(file: string, into: string, offset: number, bytes?: number): Promise<void> {
  const unit = bytes ?? mib;
  const count = bytes === undefined ? [] : ["count=1"];
  const words = [`if=${file}`, `of=${into}`, `bs=${unit}`, `seek=${offset / unit}`, ...count];
  await execa("dd", [...words, "conv=notrunc,sparse", "status=none"]);
}

async function firstOf(paths: readonly string[]): Promise<string> {
  for (const path of paths) {
    const found = await readFile(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  throw new Error(
    `none of these files is here: ${paths.join(", ")}; install syslinux-common, shim-signed and grub-efi-amd64-signed`,
  );
}
