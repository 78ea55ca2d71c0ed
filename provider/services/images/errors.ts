import { defineErrors } from "../../kernel/errors.ts";

/** What can be wrong with an image, its source, or the place it is kept. `{source}` never shows credentials or queries. */
export const imageErrors = defineErrors({
  IMAGE_BAD_LOCATION: {
    text: "the image source {source} is neither a file nor an http(s) address that can be understood here",
    remedy:
      "Give the path of a file of the program's host, `site:` and the absolute path of one on the deploy helper's host, or an https:// address.",
    fault: "input",
  },
  IMAGE_BAD_CHECKSUM: {
    text: "the checksum {checksum} of the image {source} cannot be read",
    remedy: "Write `sha256:` and 64, or `sha512:` and 128, hexadecimal digits (see `sha256sum FILE`).",
    fault: "input",
  },
  IMAGE_NEEDS_CHECKSUM: {
    text: "the image {source} comes over plain http, where anybody on the way can change it, and has no checksum",
    remedy: "Add `checksum: sha256:…` of the file as it lies on the server, or use https.",
    fault: "input",
  },
  IMAGE_MISSING: {
    text: "there is no image at {source} ({reason})",
    remedy:
      "Correct the source: a path is one of the host where the program runs, relative to the program's folder; a file of the deploy helper's own host is written `site:/srv/images/x.qcow2`.",
    fault: "image",
  },
  IMAGE_UNREADABLE: {
    text: "the image {source} cannot be read ({reason})",
    remedy:
      "It must be a regular file that whoever runs the program may read; one that is written `site:…`, the user of the deploy helper.",
    fault: "image",
  },
  IMAGE_EMPTY: {
    text: "the image {source} is empty",
    remedy: "Build or download the image again.",
    fault: "image",
  },
  IMAGE_CHANGED: {
    text: "the image {source} changed while it was read",
    remedy: "Wait until whatever writes it has finished, then run the update again.",
    fault: "image",
    retry: true,
  },
  IMAGE_UNREACHABLE: {
    text: "the server of the image {source} did not deliver it ({reason})",
    remedy: "Check from the host of the deploy helper that the address answers, then run the update again.",
    fault: "image",
    retry: true,
  },
  IMAGE_BAD_SERVER: {
    text: "the server of the image {source} cannot be used ({reason})",
    remedy:
      "Correct the address; a private authority's certificate belongs into the helper's NODE_EXTRA_CA_CERTS.",
    fault: "image",
  },
  IMAGE_REFUSED: {
    text: "the server of the image {source} refuses to hand it out (status {status})",
    remedy: "Correct the address; one that carries a signature or credentials may have expired.",
    fault: "image",
  },
  IMAGE_UNSAFE_REDIRECT: {
    text: "the server of the image {source} redirects from https to {target}",
    remedy: "Name the final https address as the source.",
    fault: "image",
  },
  IMAGE_NO_LENGTH: {
    text: "the server of the image {source} does not tell its length, so a cut transfer could not be noticed",
    remedy: "Add a `checksum` to the image, or use another server.",
    fault: "image",
  },
  IMAGE_TRUNCATED: {
    text: "the image {source} is cut short: {reason}",
    remedy: "Copy or download the whole file again; a checksum shows whether it arrived whole.",
    fault: "image",
  },
  IMAGE_DAMAGED: {
    text: "the image {source} is damaged: {reason}",
    remedy: "Build or download the image again.",
    fault: "image",
  },
  IMAGE_WRONG_DIGEST: {
    text: "the image {source} has the digest {found}, not {expected}",
    remedy:
      "If the new content is what you want, change `checksum`; otherwise find out who changed the file.",
    fault: "image",
  },
  IMAGE_WRONG_FORMAT: {
    text: "the image {source} is declared as {declared}, but its content is {found}",
    remedy: "Correct `format`, or leave it out: it is recognised from the content.",
    fault: "image",
  },
  IMAGE_UNKNOWN_FORMAT: {
    text: "the image {source} is {found}, not a raw or qcow2 disk image",
    remedy:
      "Unpack it, or convert it with `qemu-img convert -O qcow2 IN OUT`; check that the address is right.",
    fault: "image",
  },
  IMAGE_HAS_BACKING_FILE: {
    text: "the qcow2 image {source} is only the difference to another file ({file})",
    remedy: "Make it complete: `qemu-img convert -O qcow2 IN OUT`.",
    fault: "image",
  },
  IMAGE_HAS_DATA_FILE: {
    text: "the qcow2 image {source} keeps its data in another file",
    remedy: "Make it complete: `qemu-img convert -O qcow2 IN OUT`.",
    fault: "image",
  },
  IMAGE_ENCRYPTED: {
    text: "the qcow2 image {source} is encrypted",
    remedy: "Decrypt it with `qemu-img convert` before it is deployed.",
    fault: "image",
  },
  IMAGE_UNSAFE: {
    text: "the qcow2 image {source} has a header that is not safe to open: {reason}",
    remedy: "Rewrite it with `qemu-img convert -O qcow2 IN OUT` on the machine that made it.",
    fault: "image",
  },
  IMAGE_TOO_LARGE: {
    text: "the image {source} is larger than the limit of {limit}",
    remedy: "Use a smaller image, or raise the site's limit for images.",
    fault: "image",
  },
  IMAGE_NO_SPACE: {
    text: "there is no room for the image {source} in {dir}: {needed} are needed, {free} are free",
    remedy:
      "Free some space, `npx pulumi-baremetal images prune` old ones, or move the cache to another disk.",
    fault: "host",
  },
  IMAGE_NOT_UPLOADED: {
    text: "the file {source} of a program's host was not brought here, or is here no more",
    remedy: "Run `pulumi up` where that file is: it is uploaded again.",
    fault: "image",
  },
  IMAGE_UPLOAD_WRONG: {
    text: "what arrived of the file {source} is not what was announced: its digest is {found}, not {expected}",
    remedy:
      "It was thrown away. If something writes to the file, wait until it has finished; then run `pulumi up` again.",
    fault: "image",
    retry: true,
  },
  IMAGE_UPLOAD_STUCK: {
    text: "the upload of {source} does not go on: the site says again and again that it has {have} bytes of it",
    remedy: "Run `pulumi up` again; if that does not help, `npx pulumi-baremetal images prune` begins anew.",
    fault: "site",
    retry: true,
  },
  IMAGE_UPLOAD_TOO_MUCH: {
    text: "with the file {source} more than {limit} of {owner} would lie here that no Image uses yet",
    remedy:
      "Raise `maxUpload` in the site's settings. What was begun and not gone on with is removed after a week, or by `npx pulumi-baremetal images prune`.",
    fault: "input",
  },
  IMAGE_LOCK_LOST: {
    text: "another process took over the fetching of the image {source}",
    remedy: "Run the update again; this happens when the host was stopped for minutes.",
    fault: "host",
    retry: true,
  },
});
