/** A kernel in /boot, and the ramdisk that belongs to it. */
export interface Bootable {
  readonly kernel: string;
  readonly ramdisk: string | undefined;
}

const kernel = /^(?:vmlinuz|vmlinux|bzImage)(?:-([\w.+~-]+))?$/;
const natural = new Intl.Collator("en", { numeric: true });

/** The kernels among these file names of /boot, the newest first; rescue systems are none. Names: Debian's, Fedora's, SUSE's, Arch's, Alpine's. */
export function kernelsIn(names: readonly string[]): readonly Bootable[] {
  const there = new Set(names);
  return names
    .flatMap((name) => {
      const found = kernel.exec(name);
      return found && !name.includes("rescue") ? [{ name, version: found[1] ?? "" }] : [];
    })
    .toSorted((a, b) => natural.compare(b.version, a.version))
    .map(({ name, version }) => ({
      kernel: name,
      ramdisk: ramdiskNames(version).find((one) => there.has(one)),
    }));
}

function ramdiskNames(version: string): readonly string[] {
  if (version === "") return ["initrd.img", "initramfs.img", "initrd", "initramfs"];
  return [`initrd.img-${version}`, `initramfs-${version}.img`, `initrd-${version}`, `initramfs-${version}`];
}
