import { defineErrors } from "../kernel/errors.ts";

/** Every failure of making or installing a bundle. */
export const bundleErrors = defineErrors({
  BUNDLE_NOT_COMPILED: {
    text: "this copy of pulumi-baremetal is not compiled: {file} is not there",
    remedy: "Run `npm run build` in the clone, or make the bundle with the package as npm installs it.",
    fault: "host",
  },
  BUNDLE_NO_DEPENDENCY: {
    text: "the package {name}, which {by} needs, is not installed here",
    remedy:
      "Install pulumi-baremetal with its dependencies (`npm ci` in a clone), then make the bundle again.",
    fault: "host",
  },
  BUNDLE_UNREADABLE: {
    text: "{file} is not a whole bundle: {reason}",
    remedy: "Nothing was unpacked. Copy it again, and compare the sha256 that `bundle create` told.",
    fault: "input",
  },
  BUNDLE_TAMPERED: {
    text: "{file} does not hold what its list says: {reason}",
    remedy: "Nothing was unpacked. Copy it again, and compare the sha256 that `bundle create` told.",
    fault: "input",
  },
  BUNDLE_OTHER_VERSION: {
    text: "{file} is of version {theirs}, and the program that reads it of {ours}",
    remedy: "Install it with the program that it brings (docs/airgap.md).",
    fault: "input",
  },
  BUNDLE_OTHER_HOST: {
    text: "{file} is for hosts of {theirs}, this one is {ours}",
    remedy: "Make the bundle on a host like this one: it holds compiled parts.",
    fault: "input",
  },
});
