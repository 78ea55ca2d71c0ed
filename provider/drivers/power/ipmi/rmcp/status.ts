import type { Code, Trouble } from "../trouble.ts";

/** What a controller refused, or was silent to, in the catalogue's codes. */
export class Failed extends Error {
  readonly trouble: Trouble;
  constructor(code: Code, reason: string) {
    super(reason);
    this.trouble = { code, reason };
  }
}

/** Status codes of RMCP+ (IPMI 2.0, table 13-15) that have a remedy of their own. */
export function statusOf(status: number | undefined): Failed {
  switch (status) {
    case 0x01:
      return new Failed("POWER_BUSY", "it has no session left");
    case 0x09:
    case 0x0a:
      return new Failed("POWER_NOT_ALLOWED", "the account does not have this privilege");
    case 0x0c:
    case 0x0d:
      return new Failed("POWER_DENIED", "it knows no such user");
    case 0x03:
    case 0x04:
    case 0x05:
    case 0x10:
    case 0x11:
      return new Failed("POWER_CIPHER", "it refused the suite");
    default:
      return new Failed("POWER_ODD_REPLY", `status ${hex(status)}`);
  }
}

/** Here a proof that is wrong is a password that is. */
export const rakp4Status = (status: number | undefined): Failed =>
  status === 0x0f ? new Failed("POWER_DENIED", "the password is wrong") : statusOf(status);

// IPMI 2.0, table 5-2.
const busy: Readonly<Record<number, string>> = {
  192: "Node busy",
  195: "Timeout",
  196: "Out of space",
  209: "Device firmware in update mode",
  210: "BMC initialization in progress",
};

/** What a completion code means that is not 0. */
export function refused(code: number | undefined): Failed {
  if (code === 0xd4) return new Failed("POWER_NOT_ALLOWED", "Insufficient privilege level");
  const wait = busy[code ?? 0];
  return wait === undefined
    ? new Failed("POWER_ODD_REPLY", `completion code ${hex(code)}`)
    : new Failed("POWER_BUSY", wait);
}

const hex = (byte: number | undefined) =>
  byte === undefined ? "none" : `0x${byte.toString(16).padStart(2, "0")}`;
