import type { MetalError } from "../../../kernel/errors.ts";
import { powerErrors } from "../errors.ts";
import { controllerName } from "../name.ts";
import type { SnmpPdu } from "./settings.ts";

/** What is being done, for people: "the state of outlet 7", "to switch outlet 7 on". */
export interface Doing {
  readonly look: boolean;
  readonly what: string;
}

type Settings = Pick<SnmpPdu, "address" | "port" | "version" | "user">;

/** Error statuses of RFC 3416, in their order. */
const statuses = [
  ...["noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType"],
  ...["wrongLength", "wrongEncoding", "wrongValue", "noCreation", "inconsistentValue", "resourceUnavailable"],
  ...["commitFailed", "undoFailed", "authorizationError", "notWritable", "inconsistentName"],
] as const;
const forbidden = ["readOnly", "noAccess", "authorizationError"];
/** What agents say that have no time: v1 knows nothing but genErr, and "inconsistent" may be taken later. */
const passing = ["genErr", "resourceUnavailable", "inconsistentValue", "commitFailed", "undoFailed"];
/** SNMPv3's own reports (RFC 3414, 3.2), in net-snmp's words. */
const denied = ["Unknown User Name", "Wrong Digest", "Unsupported Security Level", "Decryption Error"];
/** The agent was started anew in between. */
const restarted = ["Not In Time Window", "Message with engineBoots", "Unknown Engine ID"];

/** Why an agent did not do what it was asked for. The client's own words are not told: some hold the community. */
export function troubleOf(settings: Settings, { look, what }: Doing, error: Error): MetalError {
  const { version } = settings;
  const address = controllerName(settings.address.toLowerCase(), settings.port);
  const user = version === "v3" ? (settings.user ?? "") : "the community";
  const odd = (reply: string) => powerErrors.make("POWER_ODD_REPLY", { address, reply, what });
  const begins = (words: readonly string[]) => words.find((word) => error.message.startsWith(word));
  switch (error.name) {
    case "RequestTimedOutError":
      return powerErrors.make("POWER_UNREACHABLE", { address, reason: `no answer. ${silence(version)}` });
    case "RequestFailedError": {
      const { status } = error as { status?: unknown };
      const name = typeof status === "number" ? (statuses[status] ?? `${status}`) : "unknown";
      const reason = `error status ${name}`;
      if (passing.includes(name)) return powerErrors.make("POWER_BUSY", { address, reason });
      if (forbidden.includes(name)) return powerErrors.make("POWER_NOT_ALLOWED", { address, user, reason });
      const readOnly = version === "v1" && !look && name === "noSuchName";
      return odd(`${reason}${readOnly ? "; v1 says that to a community that may only read, too" : ""}`);
    }
    case "ResponseInvalidError": {
      const reason = begins(denied);
      if (reason !== undefined) return powerErrors.make("POWER_DENIED", { address, user, reason });
      const anew = begins(restarted);
      if (anew !== undefined) return powerErrors.make("POWER_BUSY", { address, reason: anew });
      return powerErrors.make("POWER_PACKET_LOSS", { address, reason: "an answer came damaged" });
    }
    default: {
      // The network's own: ENOTFOUND, ENETUNREACH.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== undefined) return powerErrors.make("POWER_UNREACHABLE", { address, reason: code });
      return odd(error.message);
    }
  }
}

/** What else is met with silence, as agents do not tell whom they do not know. */
const silence = (version: SnmpPdu["version"]) =>
  version === "v3"
    ? "An agent is silent, too, where `privPassword` or `privProtocol` is not its own"
    : "An agent is silent, too, to a community that it does not know";
