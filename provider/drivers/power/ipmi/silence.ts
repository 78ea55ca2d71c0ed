import type { Pace } from "./pace.ts";
import type { Trouble } from "./trouble.ts";

/** What ipmitool's words tell of answers that came late, or not at all. */

const late: Trouble = { code: "POWER_LATE", reason: "an answer belonged to an earlier question" };
// It has given up the question, or thinks that it is elsewhere in the login.
const tooLate = /^Error: Received an Unexpected|^IPMI Request Match NOT FOUND/;
const noRakp2 = /no response from RAKP 1 message/;
const noRakp4 = /no response from RAKP 3 message/;
// Only sent in a session.
const inSession = /^Close Session command failed/;
// ipmitool begins a login so often, however it is told to repeat questions (IPMI_LAN_RETRY).
const logins = 4;

/** A refusal after an answer that was late or lost may be of another question than the last one. */
export const doubtRefusal = (lines: readonly string[]): Trouble | undefined =>
  counted(lines, tooLate) + counted(lines, noRakp2) + counted(lines, noRakp4) > 0 ? late : undefined;

/** Why no session came to be where nobody refused one; undefined where this host never got an answer within a login. */
export function explainSilence(lines: readonly string[], pace: Pace): Trouble | undefined {
  if (counted(lines, tooLate) > 0) return late;
  const unheard = counted(lines, noRakp2);
  if (unheard === logins) {
    const reason = "it is silent to this user's login";
    // It may only be slow to look the user up; whoever waited for it knows better.
    return { code: pace === "quick" ? "POWER_LATE" : "POWER_UNREACHABLE", reason };
  }
  const lost = unheard + counted(lines, noRakp4) + counted(lines, inSession) > 0;
  return lost
    ? { code: "POWER_PACKET_LOSS", reason: "it fell silent in the middle of the login" }
    : undefined;
}

// Each verb has words of its own for a command without an answer; those of one that was refused go on after a colon.
const unanswered = [/^Unable to (get|set|send)/i, /^Get Device ID command failed$/, /^IPMI response is NULL/];
// `fru` says it in two ways, once on stdout, and may end with 0 all the same: a serial number would be missing in silence.
const unansweredFru = [/^FRU Read failed$/, /^\s*Device not present \(No Response\)/];

/** Why a command in a session was not answered; undefined when it was. A code of 0 belies the words of most verbs. */
export function explainUnanswered(
  lines: readonly string[],
  stdout: string,
  code?: number,
): Trouble | undefined {
  const patterns = code === 0 ? unansweredFru : [...unansweredFru, ...unanswered];
  const answered = ![...lines, ...stdout.split("\n")].some((line) => patterns.some((one) => one.test(line)));
  if (answered) return undefined;
  if (counted(lines, tooLate) > 0) return late;
  return { code: "POWER_UNREACHABLE", reason: "the session was opened, the command was not answered" };
}

const counted = (lines: readonly string[], pattern: RegExp): number =>
  lines.filter((line) => pattern.test(line)).length;
