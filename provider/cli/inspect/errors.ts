import { defineErrors } from "../../kernel/errors.ts";

/** Why an image cannot be looked into, or what is not in it. */
export const inspectErrors = defineErrors({
  INSPECT_NO_ROOT: {
    text: "in the image {source} no root file system can be read: {reason}",
    remedy:
      "ext2, ext3 and ext4 are read without mounting. Of other images take kernel and ramdisk where the image is built, or on a machine that runs it.",
    fault: "image",
  },
  INSPECT_NOT_CACHED: {
    text: "nothing with the digest {digest} lies in the image cache of this host",
    remedy: "`npx pulumi-baremetal images list` tells what lies there.",
    fault: "input",
  },
  INSPECT_SEVERAL: {
    text: "{name} may be several images of the image cache: {digests}",
    remedy: "Name one of them by its digest.",
    fault: "input",
  },
  INSPECT_NO_KERNEL: {
    text: "in /boot of the image {source} there is {missing}",
    remedy:
      "A partition image boots with a kernel and a ramdisk of its own: build it with a kernel package in it, or use a whole-disk image.",
    fault: "image",
  },
});
