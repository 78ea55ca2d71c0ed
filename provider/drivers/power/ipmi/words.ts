import type { Finished } from "../../../kernel/process.ts";
import type { Pace } from "./pace.ts";
import { doubtRefusal, explainSilence, explainUnanswered } from "./silence.ts";
import type { Code, Trouble } from "./trouble.ts";

/** What ipmitool's words mean. */

// With -v ipmitool tells of its own probing, also when all is well, and one of these lines even says "privilege".
const noise = [
  /^\s*$/,
  /^Loading IANA PEN Registry/,
  /IANA PEN registry|enterprise-numbers/i,
  /^Get HPM\.x Capabilities request failed/,
  /^(Running )?Get (VSO|PICMG)/,
  /^Invalid completion code received/,
  /^Discovered (IPMB|PICMG)/,
  // Nobody answered whether it is a VITA controller.
  /^No valid response received$/,
  /^Error issuing Get Channel Authentication/,
  /^IPMI Request Match NOT FOUND/,
  /^Close Session command failed/,
  /^RAW (REQ|REQUEST|RSP)\b|^(\s[0-9a-f]{2})+\s*$/,
];
const noSession = /^Error: Unable to establish (IPMI|LAN)/;

// The words of ipmitool 1.8.19, most of them by way of ipmi_sim and pyghmi; other servers choose other codes for the same.
const rules: readonly (readonly [RegExp, Code, string])[] = [
  [/RAKP 2 HMAC is invalid/, "POWER_DENIED", "the password is wrong"],
  [/RAKP 2 .*(unauthorized name|invalid name length)/, "POWER_DENIED", "it knows no such user"],
  [
    /RAKP 4 message indicates an error : (invalid integrity|unauthorized)/,
    "POWER_DENIED",
    "the password is wrong",
  ],
  [/RAKP 4 message has invalid integrity/, "POWER_KG", "Kg differs"],
  [/insufficient resources/, "POWER_BUSY", "it has no session left"],
  [/(unauthorized|invalid) role/, "POWER_NOT_ALLOWED", "the account does not have this privilege"],
  [
    /Set Session Privilege Level to .* failed: /,
    "POWER_NOT_ALLOWED",
    "the account does not have this privilege",
  ],
  [
    /(invalid|no matching) (authentication|integrity|confidentiality|cipher)/,
    "POWER_CIPHER",
    "it refused the suite",
  ],
  [/is not what we requested|Unsupported cipher suite/, "POWER_CIPHER", "it chose another algorithm"],
  // Asked without the word "2.0", after all questions with it were not answered.
  [/does not support IPMI v2/, "POWER_PACKET_LOSS", "it was not heard to speak IPMI 2.0"],
  // Four unanswered openings, after which it goes on as if it had a session.
  [/Set Session Privilege Level to .* failed$/, "POWER_NO_SESSION", "it opens no session"],
  [/Address lookup for .* failed/, "POWER_UNREACHABLE", "its name has no address"],
  [/Could not open socket/, "POWER_UNREACHABLE", "there is no way to its address"],
  [/Get Auth Capabilities error/, "POWER_UNREACHABLE", "nothing came back from its address and port"],
];

// What follows the last colon when the controller answered with a completion code.
const completion = /(?:failed|rsp=0x[0-9a-f]+\)): (.+)$/;
const busy = /^(Node busy|Timeout|Out of space|.* in update mode|BMC initialization in progress)$/;

/** What it said on stderr. */
export const linesOf = ({ stderr }: Finished) => stderr.split("\n").map((line) => line.trimEnd());
/** Whether there was a session. */
export const isOpened = (finished: Finished) => !linesOf(finished).some((line) => noSession.test(line));
const refusals: readonly Code[] = ["POWER_DENIED", "POWER_KG", "POWER_NOT_ALLOWED", "POWER_CIPHER"];

/** What ipmitool's exit code and words mean, asked at this pace; undefined when it did what it was asked. */
export function explain(finished: Finished, pace: Pace): Trouble | undefined {
  const { code, stdout } = finished;
  const lines = linesOf(finished);
  const refused = !isOpened(finished);
  const words = lines.filter((line) => !noise.some((pattern) => pattern.test(line)) && !noSession.test(line));
  const unanswered = refused ? undefined : explainUnanswered(lines, stdout, code);
  // Some verbs (`fru`) and options end with 0 although no session was opened, or an answer is missing.
  if (code === 0 && !refused && !unanswered) return undefined;
  const told = rules.find(([pattern]) => words.some((line) => pattern.test(line)));
  const trouble = told && { code: told[1], reason: told[2] };
  if (trouble && refusals.includes(trouble.code)) return doubtRefusal(lines) ?? trouble;
  const silence = refused ? explainSilence(lines, pace) : undefined;
  if (silence ?? trouble) return silence ?? trouble;
  const last = words.at(-1);
  if (refused && last === undefined) return { code: "POWER_UNREACHABLE", reason: "it opens no session" };
  const answer = words.map((line) => completion.exec(line)?.[1]).findLast((text) => text !== undefined);
  if (answer === "Insufficient privilege level") return { code: "POWER_NOT_ALLOWED", reason: answer };
  if (answer !== undefined)
    return { code: busy.test(answer) ? "POWER_BUSY" : "POWER_ODD_REPLY", reason: answer };
  if (unanswered) return unanswered;
  return { code: "POWER_ODD_REPLY", reason: last ?? `exit code ${code ?? "none"}` };
}
