import type { MetalError } from "../../../kernel/errors.ts";
import type { Said } from "../../../services/https/exchange.ts";
import { powerErrors } from "../errors.ts";
import { waiting } from "../wait.ts";

/** What is known of the request that was answered so. */
export interface Question {
  readonly address: string;
  readonly user: string;
  /** For people: "the power state". */
  readonly what: string;
  /** Takes out of a text what was given in confidence. */
  readonly hide: (text: string) => string;
}

/** Why an answer is no good; undefined where it is good. */
export function troubleOf({ address, user, what, hide }: Question, answered: Said): MetalError | undefined {
  const { status } = answered;
  if (status >= 200 && status < 300) return undefined;
  const reply = hide([`${status}`, detailOf(answered)].filter((word) => word !== "").join(" "));
  switch (status) {
    case 401:
    case 407:
      return powerErrors.make("POWER_DENIED", { address, user, reason: reply });
    case 403:
      return powerErrors.make("POWER_NOT_ALLOWED", { address, user, reason: reply });
    // Something else is being done, too much was asked, or who stands before the service cannot reach it now.
    case 409:
    case 423:
    case 425:
    case 429:
    case 502:
    case 503:
    case 504:
      return waiting(powerErrors.make("POWER_BUSY", { address, reason: reply }), answered);
    default:
      return powerErrors.make("POWER_ODD_REPLY", { address, reply, what });
  }
}

/** What stands beside the status: where it leads, when to come back, what it says. */
function detailOf(answered: Said): string {
  const { status, headers } = answered;
  const { location, "retry-after": after } = headers;
  if (status >= 300 && status < 400 && location !== undefined) {
    return `which leads to ${location.split("?")[0]} and is not followed`;
  }
  return [after === undefined ? "" : `(to be tried again after ${after})`, oneLine(answered.text)]
    .filter((word) => word !== "")
    .join(" ");
}

/** A page for people, or JSON, as one line of a sentence. */
export const oneLine = (text: string): string =>
  text
    .slice(0, 4_096)
    .replace(/<[^>]*>/g, " ")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
