import type { MetalError } from "../../../kernel/errors.ts";
import { powerErrors } from "../errors.ts";
import { masked } from "../program.ts";
import { waiting } from "../wait.ts";
import type { Answered } from "./http.ts";
import { isJson, type Json, objectAt, textAt } from "./json.ts";
import { passes } from "./quirks.ts";

/** What is known of the question that was answered so. */
export interface Question {
  readonly address: string;
  readonly user: string;
  /** For people: "the system", "to switch on". */
  readonly what: string;
  /** What it may repeat of the question, and nobody is to read. */
  readonly secrets?: readonly string[] | undefined;
}

/** Why an answer is no good, by its status and what it says; undefined where it is good. */
export function troubleOf(question: Question, answered: Answered): MetalError | undefined {
  const { address, user, what, secrets = [] } = question;
  const { status, body } = answered;
  if (status >= 200 && status < 300) return undefined;
  const reply = masked(secrets, [`${status}`, wordsIn(body)].filter((word) => word !== "").join(" "));
  const busy = () => waiting(powerErrors.make("POWER_BUSY", { address, reason: reply }), answered);
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
      return busy();
    default:
      if (passes(messagesIn(body).flatMap(({ id, text }) => [id, text]))) return busy();
      return powerErrors.make("POWER_ODD_REPLY", { address, reply, what });
  }
}

/** What a controller says of a refusal (DSP0266, "Error responses"): the messages of the extended information, or the plain one. */
export function wordsIn(body: unknown): string {
  const told = messagesIn(body).flatMap(({ id, text }) => text || id || []);
  return told.length > 0 ? told.join(" ") : textIn(errorOf(body)["message"]);
}

function messagesIn(body: unknown): readonly { readonly id: string; readonly text: string }[] {
  const extended = errorOf(body)["@Message.ExtendedInfo"];
  const messages = (Array.isArray(extended) ? extended : [extended]).filter(isJson);
  return messages.map((one: Json) => ({
    id: textIn(textAt(one, "MessageId")),
    text: textIn(textAt(one, "Message")),
  }));
}

const errorOf = (body: unknown): Json => (isJson(body) ? objectAt(body, "error") : {});
const textIn = (value: unknown): string => (typeof value === "string" ? printable(value).trim() : "");
const printable = (text: string) => text.replace(/[^\x20-\x7e]+/g, " ");
