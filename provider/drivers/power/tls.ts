import { z } from "zod";
import { faultIf, type Rule } from "../../kernel/rules.ts";
import { fingerprintField } from "../../services/https/fingerprint.ts";
import type { Distrust, Trusted } from "../../services/https/trusted.ts";
import { powerErrors } from "./errors.ts";

const inPlace = "in-place";

/** The fields of a driver that speaks HTTPS: how its controller proves to be the right one. `oneTrust` is their rule. */
export const trust = {
  fingerprint: fingerprintField().optional().meta({
    description:
      "SHA-256 of the controller's certificate, for one that nobody signed: that one is believed, and no other.",
    change: inPlace,
  }),
  ca: z.string().includes("BEGIN CERTIFICATE").optional().meta({
    description: "Certificates, as PEM, that signed the controller's, beside those that the host trusts.",
    change: inPlace,
  }),
  insecure: z.boolean().optional().meta({
    description: "Believe any certificate: whoever answers at the address gets the password.",
    change: inPlace,
  }),
};

/** What these fields are in settings. */
interface Trust {
  readonly fingerprint?: string | undefined;
  readonly ca?: string | undefined;
  readonly insecure?: boolean | undefined;
}

/** Who believes anybody cannot ask for more. */
export const oneTrust: Rule<Trust> = {
  reads: ["insecure", "fingerprint", "ca"],
  faults: ({ insecure, fingerprint, ca }) =>
    faultIf(
      insecure === true && (fingerprint ?? ca) !== undefined,
      "insecure",
      "`insecure` believes any certificate: leave it out, or `fingerprint` and `ca`",
    ),
};

/** The same for the connection. */
export const trustOf = ({ fingerprint, ca, insecure }: Trust): Omit<Trusted, "host" | "port"> => ({
  ...{ fingerprint, ca, anybody: insecure },
});

/** Why there is no connection to who is spoken to by HTTPS. */
export function distrusted(address: string, why: Distrust): Error {
  switch (why.kind) {
    case "not reached":
      return powerErrors.make("POWER_UNREACHABLE", { address, reason: why.reason }, { cause: why.cause });
    case "certificate":
      return powerErrors.make("POWER_CERTIFICATE", { address, reason: why.reason }, { cause: why.cause });
    case "fingerprint":
      return powerErrors.make("POWER_CERTIFICATE", {
        address,
        reason: `it shows ${why.seen}, not the pinned one`,
      });
  }
}
