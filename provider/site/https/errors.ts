import { defineErrors } from "../../kernel/errors.ts";

export const httpsErrors = defineErrors({
  SERVICE_BAD_ADDRESS: {
    text: "the site's address is not right: {faults}",
    remedy:
      'Write `https://boothost:10443`, or `{"url": "https://boothost:10443", "token": "pbm_…", "fingerprint": "AB:CD:…"}`; the token may stand in the environment, as BAREMETAL_TOKEN.',
    fault: "input",
  },
  SERVICE_NOT_REACHED: {
    text: "the service at {address} cannot be reached: {reason}",
    remedy:
      "Nothing was changed. See whether it runs (`systemctl status` on its host) and whether its port is let through; `curl -k {address}/healthz` tells both.",
    fault: "host",
    retry: true,
  },
  SERVICE_CERTIFICATE: {
    text: "the certificate of the service at {address} cannot be verified: {reason}",
    remedy:
      "Nothing was sent to it. Set `fingerprint` of `baremetal:site` to the one that `serve` prints on its host, or give the service a certificate that this host trusts.",
    fault: "host",
  },
  SERVICE_FINGERPRINT: {
    text: "the service at {address} shows the certificate {shown}, and not the one that is pinned",
    remedy:
      "Nothing was sent to it: another machine may answer in its place. If its certificate was changed on purpose, set `fingerprint` to what `serve` prints on its host.",
    fault: "host",
  },
  SERVICE_LOST: {
    text: "the connection to {address} was lost, and did not come back within {limit}: {reason}",
    remedy: "Run `pulumi up` again when the service can be reached: it goes on from where the work stands.",
    fault: "host",
    retry: true,
  },
  SERVICE_NOT_HERE: {
    text: "this command works on the files of the site's own host, and the site was given as {address}",
    remedy: "Log in there and run it there.",
    fault: "input",
  },
});
