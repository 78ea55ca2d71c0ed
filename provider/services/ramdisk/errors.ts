import { defineErrors } from "../../kernel/errors.ts";

export const ramdiskErrors = defineErrors({
  RAMDISK_CANNOT_BUILD: {
    text: "the deploy ramdisk cannot be built on this host: {reason}",
    remedy:
      "Build it on Debian 12 or newer, or on Ubuntu, after `apt-get update`; or name a ready-made kernel and ramdisk in `deployRamdisk`.",
    fault: "host",
  },
  RAMDISK_BAD_ADDITION: {
    text: "what is to be put into the deploy ramdisk does not fit it: {reason}",
    remedy: "Correct the folders of `firmwareDir`, `modulesDir` or `hooksDir` (docs/ramdisk.md).",
    fault: "host",
  },
  RAMDISK_NO_FOREIGN_PACKAGES: {
    text: "the package lists for servers of the architecture {arch} ({debian}) could not be fetched: {reason}",
    remedy:
      "This host needs access once to a package source that has {debian}. Debian's mirrors have it; on Ubuntu add a source of ports.ubuntu.com with `[arch={debian}]`, and `[arch=amd64]` to the others. Nothing is installed.",
    fault: "host",
    retry: true,
  },
  RAMDISK_DOWNLOAD_FAILED: {
    text: "the packages for the deploy ramdisk could not be downloaded ({packages}): {reason}",
    remedy: "Run `apt-get update`, then try again; the host needs access to its package mirror this once.",
    fault: "host",
    retry: true,
  },
});

/** The host lacks something, in words. */
export function cannotBuild(reason: string, cause?: unknown) {
  return ramdiskErrors.make("RAMDISK_CANNOT_BUILD", { reason }, { cause });
}
