import { defineErrors } from "../kernel/errors.ts";

export const pageErrors = defineErrors({
  PAGE_PORT: {
    text: "the page cannot be shown on 127.0.0.1, port {port}: {reason}",
    remedy: "Leave `--port` out: any free one is taken then.",
    fault: "host",
  },
  PAGE_TOKEN: {
    text: "this page belongs to whoever started it",
    remedy: "Open it by the whole line that `pulumi-baremetal page` printed, with what stands behind the #.",
    fault: "input",
  },
});
