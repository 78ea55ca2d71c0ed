import type { Agent } from "node:https";
import { type Distrust, trustedAgent } from "../../services/https/trusted.ts";
import type { HttpsAddress } from "./address.ts";
import { httpsErrors } from "./errors.ts";

/** Connections to one service. What is in their way is told in the words of a site. */
export function agentFor(address: HttpsAddress): Agent {
  return trustedAgent(address, (why) => explain(address.shown, why));
}

function explain(address: string, why: Distrust): Error {
  if (why.kind === "fingerprint")
    return httpsErrors.make("SERVICE_FINGERPRINT", { address, shown: why.seen });
  const code = why.kind === "certificate" ? "SERVICE_CERTIFICATE" : "SERVICE_NOT_REACHED";
  return httpsErrors.make(code, { address, reason: why.reason }, { cause: why.cause });
}
