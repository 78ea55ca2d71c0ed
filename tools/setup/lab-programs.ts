import type { Need } from "../../provider/cli/programs.ts";

/** What the lab uses beside the programs of the product: virtual servers, their controllers, test images. */
export const labPrograms: readonly Need[] = [
  { name: "qemu-system-x86_64", package: "qemu-system-x86", purpose: "the virtual servers" },
  {
    name: "the network card's boot ROM",
    package: "ipxe-qemu",
    purpose: "virtual servers that boot from the network",
    files: ["/usr/lib/ipxe/qemu/pxe-e1000.rom", "/usr/share/qemu/pxe-e1000.rom"],
  },
  {
    name: "the virtual servers' BIOS",
    package: "seabios",
    purpose: "the virtual servers",
    files: ["/usr/share/seabios/bios-256k.bin", "/usr/share/qemu/bios-256k.bin"],
  },
  {
    name: "the virtual servers' UEFI",
    package: "ovmf",
    purpose: "virtual servers that start by UEFI",
    files: ["/usr/share/OVMF/OVMF_CODE_4M.secboot.fd"],
  },
  {
    name: "shimx64.efi",
    package: "shim-signed",
    purpose: "UEFI servers, and test images that UEFI starts",
    files: ["/usr/lib/shim/shimx64.efi.signed", "/usr/lib/shim/shimx64.efi.signed.latest"],
  },
  {
    name: "grubx64.efi",
    package: "grub-efi-amd64-signed",
    purpose: "UEFI servers, and test images that UEFI starts",
    files: ["/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"],
  },
  { name: "ipmi_sim", package: "openipmi", purpose: "the virtual servers' controllers" },
  { name: "tgtd", package: "tgt", purpose: "a disk exported by iSCSI without a virtual server" },
  { name: "unshare", package: "util-linux", purpose: "a network of the lab's own" },
  { name: "nsenter", package: "util-linux", purpose: "a network of the lab's own" },
  { name: "busybox", package: "busybox-static", purpose: "clients of DHCP, and the ramdisk's shell" },
  { name: "sfdisk", package: "fdisk", purpose: "disks that hold something" },
  { name: "mkswap", package: "util-linux", purpose: "disks that hold something" },
  { name: "openssl", package: "openssl", purpose: "certificates of test servers" },
  { name: "ssh-keyscan", package: "openssh-client", purpose: "host keys of SSH servers" },
  { name: "ssh", package: "openssh-client", purpose: "a way into a server that is rescued" },
  { name: "ssh-keygen", package: "openssh-client", purpose: "a key for it" },
  { name: "ping", package: "iputils-ping", purpose: "whether a server is there" },
  { name: "dropbear", package: "dropbear-bin", purpose: "an SSH server whose host keys are exchanged" },
  { name: "cmp", package: "diffutils", purpose: "comparing disks" },
  { name: "sgdisk", package: "gdisk", purpose: "test images" },
  {
    name: "python3",
    package: "python3",
    purpose: "cloud-init, unpacked, which checks what it would be told",
  },
  { name: "mkfs.vfat", package: "dosfstools", purpose: "test images" },
  { name: "mcopy", package: "mtools", purpose: "test images" },
  { name: "syslinux", package: "syslinux", purpose: "test images that boot by themselves" },
  {
    name: "gptmbr.bin",
    package: "syslinux-common",
    purpose: "test images that boot by themselves",
    files: ["/usr/lib/syslinux/mbr/gptmbr.bin", "/usr/share/syslinux/gptmbr.bin"],
  },
];

/** Packages that start a service when installed: for them dpkg leaves the service's own files out, so nothing starts, now or at boot. */
export const serviceFiles: Readonly<Record<string, readonly string[]>> = {
  tgt: ["/etc/init.d/tgt", "*/systemd/system/tgt.service"],
  openipmi: ["/etc/init.d/openipmi"],
  snmpd: ["/etc/init.d/snmpd", "*/systemd/system/snmpd.service"],
};

/** What the tests use beside these: the page for people is looked at in a browser, PDUs are asked by SNMP. */
export const testPrograms: readonly Need[] = [
  { name: "grub-fstest", package: "grub-common", purpose: "reading images of CDs as GRUB does" },
  { name: "chromium", package: "chromium", purpose: "the page for people" },
  {
    name: "letters for it",
    package: "fonts-dejavu-core",
    purpose: "the page for people",
    files: ["/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"],
  },
  { name: "snmpd", package: "snmpd", purpose: "a PDU that speaks SNMP" },
  {
    name: "pyghmi",
    package: "python3-pyghmi",
    purpose: "a controller that speaks IPMI as OpenStack has it",
    files: ["/usr/lib/python3/dist-packages/pyghmi/__init__.py"],
  },
  // The daemon's services are in a package of their own (libvirt-daemon-system), which nobody needs here.
  { name: "virsh", package: "libvirt-clients", purpose: "virtual machines as servers" },
  { name: "libvirtd", package: "libvirt-daemon", purpose: "virtual machines as servers" },
  {
    name: "its driver of QEMU",
    package: "libvirt-daemon-driver-qemu",
    purpose: "virtual machines as servers",
    files: ["x86_64", "aarch64"].map(
      (arch) => `/usr/lib/${arch}-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so`,
    ),
  },
];

/** What the story and the demo of a stock Debian use beside these. */
export const modernPrograms: readonly Need[] = [
  { name: "mmdebstrap", package: "mmdebstrap", purpose: "a stock Debian with cloud-init" },
  { name: "ssh-keygen", package: "openssh-client", purpose: "a key for it" },
];

/** Whom the bench of power controllers is measured against. */
export const powerPrograms: readonly Need[] = [
  { name: "ipmipower", package: "freeipmi-tools", purpose: "the bench of power controllers" },
];
