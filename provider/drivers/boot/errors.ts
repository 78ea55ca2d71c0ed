import { defineErrors } from "../../kernel/errors.ts";

/** Every failure of laying out what the network serves to a booting server. */
export const bootErrors = defineErrors({
  BOOT_LOADER_MISSING: {
    text: "the boot loader's file {file}, which {packages} bring, is not on this host: looked for {places}",
    remedy:
      "Install it: `apt-get install {packages}` on Debian and Ubuntu. For servers of another architecture than this host's, `pulumi-baremetal ramdisk build --arch` fetches it without installing anything.",
    fault: "host",
  },
  BOOT_BAD_NAME: {
    text: '"{name}" cannot name a folder of the boot tree',
    remedy:
      "Use letters, digits, dots, dashes and underscores, at most 63, beginning with a letter or digit, and no name of the tree's own (`pxelinux.0`, `pxelinux.cfg`, `ldlinux.c32`, `grub`, `shimx64.efi`, `grubx64.efi`, `shimaa64.efi`, `grubaa64.efi`).",
    fault: "input",
  },
  BOOT_BAD_MAC: {
    text: '"{mac}" is not a MAC in canonical form, so {deployment} was given no boot file',
    remedy: "Write six pairs of lower-case hexadecimal digits joined by colons: `52:54:00:00:00:07`.",
    fault: "input",
  },
  BOOT_BAD_WORD: {
    text: "the kernel's command line of {deployment} holds a line break or another control character, in the word that begins {word}",
    remedy: "Take it out of `kernelArgs`, of the root device hints, or of the site's `pxeAppendParams`.",
    fault: "input",
  },
  BOOT_QUOTED_WORD: {
    text: "the kernel's command line of {deployment} holds a quote or a backslash, which GRUB does not pass on as it stands, in the word that begins {word}",
    remedy:
      "Take it out of `kernelArgs`, of the root device hints, or of the site's `pxeAppendParams`; a BIOS server's loader passes it on.",
    fault: "input",
  },
  BOOT_ARGS_TOO_LONG: {
    text: "the kernel's command line of {deployment} has {bytes} bytes; boot loader and kernel pass on {limit} safely",
    remedy:
      "Shorten `kernelArgs` or the site's `pxeAppendParams`: what is too much would be cut off without a word.",
    fault: "input",
  },
  BOOT_ROOT_UNKNOWN: {
    text: "{deployment} cannot boot its own kernel over the network: the UUID of its root file system is {seen}",
    remedy:
      "Use an image whose root file system has a UUID that `blkid` shows, or a whole-disk image, which boots by itself.",
    fault: "image",
  },
  BOOT_SOURCE_MISSING: {
    text: "the {what} for {deployment} is not there or cannot be read: {path}",
    remedy: "Run it again: what was cleared from the cache is fetched or built anew.",
    fault: "host",
    retry: true,
  },
  BOOT_CANNOT_WRITE: {
    text: "the boot files of {deployment} cannot be written below {root}: {reason}",
    remedy: "Give the deploy helper's user the right to write there, and see that the disk is not full.",
    fault: "host",
  },
  BOOT_MEDIA_NEEDS_HTTP: {
    text: "a server's controller fetches its virtual media by HTTP, and this site serves boot files by TFTP alone",
    remedy: "Set `bootTransport: http` in the site's settings; the controllers have to reach that port.",
    fault: "site",
  },
  BOOT_MEDIA_LOCAL_ONLY: {
    text: "{deployment} boots its own kernel over the network at each start, and its server boots from virtual media",
    remedy: "Use a whole-disk image, which boots by itself, or leave out `boot` on the Node.",
    fault: "input",
  },
});
