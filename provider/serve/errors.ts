import { defineErrors } from "../kernel/errors.ts";

export const serveErrors = defineErrors({
  SERVE_SETTINGS_BAD: {
    text: "the service's settings in {file} are not right: {faults}",
    remedy:
      "Correct the file; `npx pulumi-baremetal serve --settings FILE --check` tells all faults at once, docs/reference/site.md and docs/serve.md list the fields.",
    fault: "input",
  },
  SERVE_CERTIFICATE_BAD: {
    text: "the service cannot use the certificate {file}: {reason}",
    remedy:
      "Name a certificate and its private key, both PEM, that the service's user may read; without `certificate` and `key` one is generated and kept in `stateDir`.",
    fault: "host",
  },
  SERVE_PORT: {
    text: "the service cannot listen on {address}, port {port}: {reason}",
    remedy:
      "Set `listen.address` to an address of this host and `listen.port` to a port that nobody else has (`ss -ltnp` names who does); one below 1024 takes a privilege.",
    fault: "host",
  },
  TOKEN_EXPIRED: {
    text: "the token {name} was good until {at}",
    remedy:
      "On the service's host `npx pulumi-baremetal tokens remove {name}` and `tokens add {name}` make a new one; give it where the old one is given.",
    fault: "input",
  },
  TOKEN_RATE: {
    text: "too many requests came from this address without a good token: the next one is answered in {seconds} s",
    remedy:
      "Find what asks with a missing, removed or expired token; requests with a good one are answered all the while.",
    fault: "input",
    retry: true,
  },
  TOKEN_MISSING: {
    text: "the service was asked without a token that it knows",
    remedy:
      "On the service's host `npx pulumi-baremetal tokens add NAME` makes one and shows it once; a program gives it as `baremetal:site.token`, the command line as BAREMETAL_TOKEN.",
    fault: "input",
  },
});
