import { defineErrors } from "../kernel/errors.ts";

/** Why a plan is not carried out. In every case nothing was switched and nothing was written. */
export const planErrors = defineErrors({
  INSTANCE_WOULD_ERASE: {
    text: "{why} {what} instance {instance}: it erases {erases} (token {token})",
    remedy:
      'Nothing was touched. To allow exactly this, once, set `allowReinstall: "{token}"`; or undo the change.',
    fault: "input",
  },
  INSTANCE_EXISTS: {
    text: "instance {instance} is installed on node {node} already, and {why} wants it elsewhere",
    remedy:
      "Nothing was touched. Declare it as it is installed, which takes it back into this stack as it stands; then change it.",
    fault: "input",
  },
  INSTANCE_IMAGE_IGNORED: {
    text: "image {image} has other content than the one that instance {instance} keeps by `ignoreChanges`, and this would write the new one",
    remedy:
      "Nothing was touched. Take `imageDigest` out of `ignoreChanges`, so that the new content is planned and allowed as well; or declare the earlier image again.",
    fault: "input",
  },
  INSTANCE_OTHER_ARCH: {
    text: "image {image} is for {made}, and node {node}, which instance {instance} would be written to, is {arch}",
    remedy:
      "Nothing was touched. Use an image for {arch}, or correct `arch` on the Image or the Node, whichever is wrong.",
    fault: "input",
  },
  INSTANCE_LOCKED: {
    text: "instance {instance} is locked, and this would {what}",
    remedy: "Nothing was touched. Set `locked: false` on the Instance first, in an update of its own.",
    fault: "input",
  },
  INSTANCE_PROTECTED: {
    text: "instance {instance} is protected by its resource option `protect`, and this would {what}",
    remedy: "Nothing was touched. Set `protect: false` among the resource's options first.",
    fault: "input",
  },
  INSTANCE_EPHEMERAL_LOST: {
    text: "instance {instance} cannot keep its ephemeral partition: {why}",
    remedy:
      "Nothing was touched. Keep the flavor's `ephemeral` size as it is installed, or set `preserveEphemeral: false`.",
    fault: "input",
  },
  INSTANCE_ADOPT_WHICH: {
    text: "instance {instance} is to take over a server that runs, and `node` does not say which",
    remedy: "Name the server with `node`; a server to adopt is never chosen.",
    fault: "input",
  },
  PLAN_CHANGED: {
    text: "the preview of {instance} announced {announced}, and now it would erase {erases}",
    remedy: "Nothing was touched. Run `pulumi preview` and look at the new plan, then `pulumi up`.",
    fault: "site",
  },
  ERASE_LIMIT: {
    text: "{instance} would be erase number {number} of this run, and the site allows {limit}",
    remedy:
      "This one was not touched. Raise `maxErase` of `baremetal:site`, or let some instances wait with `--target` or `allowReinstall`.",
    fault: "input",
  },
});
