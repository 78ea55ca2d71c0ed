import { defineErrors } from "../../kernel/errors.ts";

/** What can go wrong while an image is put on a disk. */
export const writeErrors = defineErrors({
  WRITE_NO_ISCSI: {
    text: "qemu-img on this host cannot speak iSCSI",
    remedy: "Install the package qemu-block-extra (Debian, Ubuntu) or qemu-block-iscsi (SUSE, Fedora, Arch).",
    fault: "host",
  },
  WRITE_IMAGE_UNFIT: {
    text: "the image {path} cannot be written: {reason}",
    remedy: "Give an image that is whole and stands alone, as `qemu-img convert` makes it.",
    fault: "image",
  },
  WRITE_IMAGE_UNREADABLE: {
    text: "the image {path} could not be read while it was written: {reason}",
    remedy: "Look at the disk of the host that holds the image cache, then run `pulumi up` again.",
    fault: "host",
  },
  WRITE_LAYOUT: {
    text: "the flavor's disk layout does not fit the image: {reason}",
    remedy: "Correct `rootDisk`, `swap`, `ephemeral` or `diskLabel` of the flavor.",
    fault: "input",
  },
  WRITE_NOT_BOOTABLE: {
    text: "a disk with the whole-disk image {path} does not boot by {firmware}: {reason}; nothing was touched",
    remedy:
      "Use an image made for that firmware, or correct `bootMode` on the Node; `images inspect` tells what an image boots by.",
    fault: "input",
  },
  WRITE_ROOT_UNKNOWN: {
    text: "the partition image {path} holds no file system whose UUID is known (ext2, ext3, ext4, xfs, btrfs)",
    remedy:
      "The kernel is told its root by UUID: use one of these file systems, or declare the image a whole-disk image.",
    fault: "image",
  },
  WRITE_NO_TARGET: {
    text: "the disk that the server at {address} exports could not be opened: {reason}",
    remedy:
      "Look at the server's console: its ramdisk must still be running; the next `pulumi up` starts it again.",
    fault: "node",
    retry: true,
  },
  WRITE_DISK_TOO_SMALL: {
    text: "the disk of the server at {address} has {has} and {needs} are needed; nothing was written",
    remedy: "Choose another disk by `rootDeviceHints`, another server, or a smaller image or flavor.",
    fault: "input",
  },
  WRITE_VOLUME_NO_ROOM: {
    text: "the disk of the server at {address} has no room for the configuration volume behind the last partition: {missing} are missing; nothing was written",
    remedy:
      "Choose a larger disk by `rootDeviceHints`, another server, a smaller image or a smaller `rootDisk` of the flavor.",
    fault: "input",
  },
  WRITE_VOLUME_NO_PLACE: {
    text: "the whole-disk image {path} takes no partition for the configuration volume: {reason}; nothing was written",
    remedy:
      "Use an image with a GPT, or with a free primary partition; or leave out `hostname`, `sshKeys`, `userData`, `networks` and `metadata`.",
    fault: "image",
  },
  WRITE_INJECT_UNFIT: {
    text: "no files can be laid into the partition image {path}: {reason}; nothing was written",
    remedy:
      'Use an image whose root is a clean ext2, ext3 or ext4 with room to spare, or one with cloud-init and `configureBy: "cloud-init"`.',
    fault: "image",
  },
  WRITE_LAYOUT_DIFFERS: {
    text: "the ephemeral partition on the disk of the server at {address} cannot be kept: the disk was cut into {expected}, and shows {seen}; nothing was written",
    remedy:
      "Set `preserveEphemeral: false` to give up what the ephemeral partition holds, or undo the change: then the earlier system is booted again.",
    fault: "input",
  },
  WRITE_SECTOR_SIZE: {
    text: "the disk of the server at {address} has sectors of {disk} bytes and the image is laid out for {image}; nothing was written",
    remedy: "Use an image made for that sector size, or another disk.",
    fault: "input",
  },
  WRITE_STALLED: {
    text: "{stage} the disk of the server at {address} stood still for {limit}, at {percent} %",
    remedy:
      "Look at the server's console, its network link and its disk; `timeouts` gives slow disks longer. The disk is not bootable until a write completes.",
    fault: "node",
  },
  WRITE_FAILED: {
    text: "writing to the disk of the server at {address} failed: {reason}",
    remedy:
      "Look at the server's console and the health of its disk. The disk is not bootable until a write completes.",
    fault: "node",
  },
  WRITE_MISMATCH: {
    text: "what the disk of the server at {address} gives back is not what was written: {reason}",
    remedy: "Replace the disk, or look at its controller and memory. Do not use what is on it.",
    fault: "node",
  },
});
