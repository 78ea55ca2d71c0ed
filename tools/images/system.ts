import { createCipheriv, createHash } from "node:crypto";
import { chmod, cp, lutimes, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import type { RamdiskArch } from "../../provider/kernel/arch.ts";
import { newContext } from "../../provider/kernel/context.ts";
import { openArchive } from "../../provider/services/ramdisk/archive.ts";
import { type CpioEntry, encodeCpio } from "../../provider/services/ramdisk/cpio.ts";
import { openModules, resolveModules } from "../../provider/services/ramdisk/modules.ts";
import {
  choosePackages,
  download,
  uncompressModules,
  unpack,
} from "../../provider/services/ramdisk/packages.ts";
import { findKernel } from "../../provider/services/ramdisk/tree.ts";

const assets = new URL("./assets/", import.meta.url);
/** What QEMU's machines have, and what ext4 needs; what a kernel does not have is left out. */
const modules = [
  "crc32c_generic",
  "crc32c_intel",
  "ext4",
  "ahci",
  "sd_mod",
  "nvme",
  "virtio_pci",
  "virtio_blk",
];
const cards = ["e1000", "virtio_net"];
/** Incompressible, so that writing an image takes as long as its size says. */
const fillerSize = 24 * 2 ** 20;

/** What a test system tells as its SSH host key. Nobody has its private half: there is no SSH server either. */
export const hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINBqKWShBGaayGpR2kxB6qu4eholSxdoVdUkNOjfZuNY";

/** For the programs that write the time into what they make: the same words, the same bytes. */
export const fixedTime = { E2FSPROGS_FAKE_TIME: "1", SOURCE_DATE_EPOCH: "315532800" };

/** Everything the test systems are made of. */
export interface Parts {
  /** Path of what a boot loader starts. */
  readonly kernel: string;
  readonly initramfs: string;
  /** Path of the static program. */
  readonly busybox: string;
}

/** One of the two systems. */
export interface Identity {
  readonly name: string;
  /** Of its root file system. */
  readonly uuid: string;
}

/** Name and UUIDs are made of words, so that the same words give the same image. */
export function identityOf(kind: string, release: string): Identity {
  const digits = createHash("sha256").update(`${kind} ${release}`).digest("hex");
  const uuid = [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `8${digits.slice(17, 20)}`,
  ];
  return { name: `${kind}_${release}`, uuid: [...uuid, digits.slice(20, 32)].join("-") };
}

/** Our own scripts, by name. */
export async function readScripts(): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(assets)).sort();
  return new Map(
    await Promise.all(
      names.map(async (name) => [name, await readFile(new URL(name, assets), "utf8")] as const),
    ),
  );
}

/** Take kernel and busybox out of the distribution's packages, which are not installed, and make the initramfs. */
export async function makeParts(
  packagesFolder: string,
  work: string,
  arch: RamdiskArch = "x86_64",
): Promise<Parts> {
  const ctx = newContext();
  const from = await openArchive(ctx, arch, packagesFolder);
  const wanted = (await choosePackages(ctx, from)).filter(({ name }) =>
    /^(linux-|busybox-static$)/.test(name),
  );
  const files = await download(ctx, from, packagesFolder, wanted);
  const root = join(work, "packages");
  for (const file of files.values()) await unpack(ctx, file, root);
  await uncompressModules(ctx, root);
  const kernel = await findKernel(root);
  const busybox = join(root, "bin/busybox");
  const archive = join(work, "initramfs.cpio");
  await writeFile(archive, encodeCpio(await initramfs(kernel.modules, busybox)));
  await execa("zstd", ["-q", "-12", "--rm", archive, "-o", `${archive}.zst`]);
  return { kernel: kernel.image, initramfs: `${archive}.zst`, busybox };
}

async function initramfs(tree: string, busybox: string): Promise<CpioEntry[]> {
  const needed = await resolveModules(await openModules(tree), [...modules, ...cards]);
  const folder = (path: string): CpioEntry => ({ kind: "directory", path, mode: 0o755 });
  const file = (path: string, content: Uint8Array | string): CpioEntry => ({
    ...{ kind: "file", path, mode: 0o755, content: Buffer.from(content) },
  });
  const order = needed.map(({ name }) => `lib/modules/${name}.ko\n`).join("");
  return [
    ...["bin", "dev", "lib", "lib/modules", "mnt", "proc", "sys"].map(folder),
    // The first process has it as stdin, stdout and stderr.
    { kind: "device", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    file("init", (await readScripts()).get("initramfs.sh") ?? ""),
    file("bin/busybox", await readFile(busybox)),
    ...needed.map(({ name, content }) => file(`lib/modules/${name}.ko`, content)),
    file("lib/modules/order", order),
  ];
}

/** The root file system of a test system, in a file of `size` bytes. */
export async function makeRoot(
  work: string,
  { busybox }: Parts,
  { name, uuid }: Identity,
  size: number,
): Promise<string> {
  const tree = join(work, `tree-${name}`);
  for (const folder of ["bin", "dev", "etc", "mnt", "proc", "run", "sbin", "sys", "tmp", "usr"]) {
    await mkdir(join(tree, folder), { recursive: true });
  }
  const scripts = await readScripts();
  const places = {
    "init.sh": "sbin/init",
    ...{ "dhcp.sh": "etc/dhcp.sh", "banner.sh": "etc/banner.sh", "phone.sh": "etc/phone.sh" },
  };
  for (const [script, place] of Object.entries(places)) {
    await writeFile(join(tree, place), scripts.get(script) ?? "");
    await chmod(join(tree, place), 0o755);
  }
  await cp(busybox, join(tree, "bin/busybox"));
  await writeFile(join(tree, "etc/name"), `${name}\n`);
  await writeFile(join(tree, "etc/host_key.pub"), `${hostKey}\n`);
  await writeFile(join(tree, "usr/filler"), filler(name));
  const paths = await readdir(tree, { recursive: true });
  for (const path of paths) await lutimes(join(tree, path), 1, 1);
  const image = join(work, `${name}.ext4`);
  const extended = `root_owner=0:0,hash_seed=${uuid}`;
  const words = ["-q", "-F", "-t", "ext4", "-U", uuid, "-L", name, "-E", extended, "-d", tree];
  await execa("mke2fs", [...words, image, `${size / 1024}k`], { env: fixedTime });
  // The time of the last change is copied too, and nobody can set that of a file of ours.
  const change = (path: string) => [`sif /${path} ctime @1`, `sif /${path} ctime_extra 0`];
  const input = ["", ...paths].flatMap(change).join("\n");
  await execa("debugfs", ["-w", "-f", "-", image], { env: fixedTime, input });
  return image;
}

function filler(name: string): Buffer {
  const key = createHash("sha256").update(name).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(fillerSize));
}
