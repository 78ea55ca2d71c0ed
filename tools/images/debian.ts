import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { newContext } from "../../provider/kernel/context.ts";
import { alone } from "../../provider/services/ramdisk/cache.ts";
import { makeEfi, place } from "./whole.ts";

// Raise it when the same words would give another image.
const recipe = 2;
const mib = 2 ** 20;
const [espSize, rootSize] = [64 * mib, 1200 * mib];
const rootUuid = "64656269-616e-4d00-8000-6d6f6465726e";
const packages = [
  ...["systemd-sysv", "udev", "dbus", "iproute2", "e2fsprogs", "fdisk", "ca-certificates"],
  ...["linux-image-cloud-amd64", "cloud-init", "cloud-guest-utils", "netplan.io", "openssh-server"],
];
/** Nobody reads them there. */
const unread = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"];

/**
 * A stock Debian as its cloud images are: GPT, an EFI system partition with the signed loaders, root as the last partition,
 * cloud-init, growpart, netplan, an SSH server, and nothing of ours in it. Made by mmdebstrap from the distribution that
 * this host has, in about two minutes and without root; kept in `cacheDir`. Returns the path of a qcow2 file.
 */
export async function buildDebianImage(cacheDir: string): Promise<string> {
  const words = JSON.stringify([recipe, packages, espSize, rootSize]);
  const digest = createHash("sha256").update(words).digest("hex").slice(0, 12);
  const image = join(cacheDir, `debian-${digest}.qcow2`);
  const there = () =>
    stat(image).then(
      () => true,
      () => false,
    );
  if (await there()) return image;
  await mkdir(cacheDir, { recursive: true });
  return alone(newContext(), `${image}.lock`, async () => {
    if (await there()) return image;
    const work = await mkdtemp(join(cacheDir, ".debian-"));
    try {
      await rename(await build(work), image);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
    return image;
  });
}

async function build(work: string): Promise<string> {
  const root = join(work, "root.ext4");
  await makeRoot(work, root);
  const raw = join(work, "disk.raw");
  await writeFile(raw, "");
  await truncate(raw, mib + espSize + rootSize + mib);
  const esp = ["-n", `1:2048:+${espSize / mib}M`, "-t", "1:ef00"];
  const last = ["-n", `2:0:+${rootSize / mib}M`, "-t", "2:8304"];
  await execa("sgdisk", ["-o", ...esp, ...last, raw]);
  const fat = join(work, "esp.fat");
  await writeFile(fat, "");
  await truncate(fat, espSize);
  await execa("mkfs.vfat", ["-n", "ESP", fat]);
  await makeEfi(work, fat, [
    `search --no-floppy --set=root --fs-uuid ${rootUuid}`,
    `linux /vmlinuz root=UUID=${rootUuid} ro console=ttyS0 no_timer_check`,
    "initrd /initrd.img",
    "boot",
  ]);
  await place(fat, raw, mib);
  await place(root, raw, mib + espSize);
  const qcow2 = join(work, "disk.qcow2");
  await execa("qemu-img", ["convert", "-c", "-f", "raw", "-O", "qcow2", raw, qcow2]);
  return qcow2;
}

/** The file system is made by a hook, which sees the tree with its owners, whoever we are. */
async function makeRoot(work: string, image: string): Promise<void> {
  // Where mmdebstrap has a user namespace of its own it is nobody that we know.
  await execa("chmod", ["0777", work]);
  const fstab = `UUID=${rootUuid} / ext4 defaults 0 1`;
  const size = `${rootSize / 1024}k`;
  const bare = join(work, "tree");
  const hooks = [
    `echo '${fstab}' >"$1/etc/fstab"`,
    // Without the package `locales` cloud-init's wish for one ends in an error.
    `echo 'locale: false' >"$1/etc/cloud/cloud.cfg.d/90-locale.cfg"`,
    // Each system makes its own.
    `rm -f "$1"/etc/ssh/ssh_host_*`,
    // Bound without what is mounted in it: /proc and its like are not to be copied.
    `mkdir '${bare}' && mount --bind "$1" '${bare}'`,
    `mke2fs -q -F -t ext4 -U ${rootUuid} -L root -d '${bare}' '${image}' ${size} && chmod 0666 '${image}'`,
    `umount '${bare}' && rmdir '${bare}'`,
  ];
  const options = [
    ...["--variant=minbase", "--format=null", `--include=${packages.join(",")}`],
    '--aptopt=Acquire::Languages "none"',
    ...unread.map((path) => `--dpkgopt=path-exclude=${path}`),
    ...hooks.map((hook) => `--customize-hook=${hook}`),
  ];
  await execa("mmdebstrap", [...options, await codename(), "/dev/null", ...(await sources())]);
}

async function codename(): Promise<string> {
  const { stdout } = await execa("sh", ["-c", '. /etc/os-release; echo "$VERSION_CODENAME"']);
  return stdout.trim();
}

/** This host's own, whatever they are. */
async function sources(): Promise<readonly string[]> {
  const folder = "/etc/apt/sources.list.d";
  const names = await readdir(folder).catch(() => []);
  const more = names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(folder, name));
  const plain = await stat("/etc/apt/sources.list").then(
    ({ size }) => size > 0,
    () => false,
  );
  return [...(plain ? ["/etc/apt/sources.list"] : []), ...more];
}
