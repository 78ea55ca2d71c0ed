import { defineErrors } from "../../kernel/errors.ts";

export const bootHttpErrors = defineErrors({
  BOOT_HTTP_CANNOT_LISTEN: {
    text: "kernels and ramdisks cannot be served by HTTP on {where}: {reason}",
    remedy: 'Free that port, set another `bootPort` of the site, or set `bootTransport: "tftp"`.',
    fault: "host",
  },
});
