import type { MetalError } from "../../../kernel/errors.ts";
import { powerErrors } from "../errors.ts";
import { controllerName } from "../name.ts";

/** What a command can fail by. */
export type Code =
  | "POWER_UNREACHABLE"
  | "POWER_DENIED"
  | "POWER_KG"
  | "POWER_NOT_ALLOWED"
  | "POWER_CIPHER"
  | "POWER_NO_SESSION"
  | "POWER_LATE"
  | "POWER_PACKET_LOSS"
  | "POWER_BUSY"
  | "POWER_ODD_REPLY";
/** Why a command failed. */
export interface Trouble {
  readonly code: Code;
  readonly reason: string;
}

/** Whom it failed for. */
interface Whom {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** A trouble in the catalogue's words; `what` was asked, in a session of this suite. */
export function worded({ code, reason }: Trouble, whom: Whom, suite: number, what: string): MetalError {
  const { user, password } = whom;
  const address = controllerName(whom.address, whom.port);
  // ipmitool does not print passwords; should it ever, ours is not passed on.
  const said = password === "" ? reason : reason.replaceAll(password, "***");
  switch (code) {
    case "POWER_UNREACHABLE":
    case "POWER_LATE":
    case "POWER_PACKET_LOSS":
    case "POWER_BUSY":
      return powerErrors.make(code, { address, reason: said });
    case "POWER_DENIED":
    case "POWER_NOT_ALLOWED":
      return powerErrors.make(code, { address, user, reason: said });
    case "POWER_KG":
      return powerErrors.make(code, { address });
    case "POWER_CIPHER":
      return powerErrors.make(code, { address, suites: suite, reason: said });
    case "POWER_NO_SESSION":
      return powerErrors.make(code, { address, suite });
    case "POWER_ODD_REPLY":
      return powerErrors.make(code, { address, reply: said, what });
  }
}
