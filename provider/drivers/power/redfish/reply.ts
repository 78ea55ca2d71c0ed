import type { MetalError } from "../../../kernel/errors.ts";
import { powerErrors } from "../errors.ts";
import type { Answered } from "./http.ts";

/** What is known of the question that was answered so. */
export interface Question {
  readonly address: string;
  readonly user: string;
  /** For people: "the system", "to switch on". */
  readonly what: string;
}

/** Why an answer is no good, by its status and what it says; undefined where it is good. */
export function troubleOf({ address, user, what }: Question, answered: Answered): MetalError | undefined {
  const { status } = answered;
  if (status >= 200 && status < 300) return undefined;
  const reply = [`${status}`, wordsIn(answered.body)].filter((word) => word !== "").join(" ");
  switch (status) {
    case 401:
      return powerErrors.make("POWER_DENIED", { address, user, reason: reply });
    case 403:
      return powerErrors.make("POWER_NOT_ALLOWED", { address, user, reason: reply });
    // Another request is being worked on; the host is in POST; there are no sessions left; too many requests.
    case 409:
    case 423:
    case 429:
    case 502:
    case 503:
    case 504:
      return powerErrors.make("POWER_BUSY", { address, reason: reply });
    default:
      return powerErrors.make("POWER_ODD_REPLY", { address, reply, what });
  }
}

interface Message {
  readonly Message?: unknown;
  readonly MessageId?: unknown;
}

/** What a controller says of a refusal (DSP0266, "Error responses"): the messages of the extended information, or the plain one. */
export function wordsIn(body: unknown): string {
  const { error } = (body ?? {}) as { error?: { message?: unknown; "@Message.ExtendedInfo"?: unknown } };
  const extended = error?.["@Message.ExtendedInfo"];
  const messages = (Array.isArray(extended) ? extended : [extended]).filter(
    (one): one is Message => typeof one === "object" && one !== null,
  );
  const words = messages.map(({ Message, MessageId }) => textIn(Message) || textIn(MessageId));
  const told = words.filter((text) => text !== "");
  return (told.length > 0 ? told.join(" ") : textIn(error?.message)).slice(0, 300);
}

const textIn = (value: unknown): string => (typeof value === "string" ? printable(value).trim() : "");
const printable = (text: string) => text.replace(/[^\x20-\x7e]+/g, " ");
