import type { Context } from "../../../kernel/context.ts";
import { hasCode, type MetalError } from "../../../kernel/errors.ts";
import { type Finished, processErrors, type Run } from "../../../kernel/process.ts";
import { powerErrors } from "../errors.ts";
import { type Pace, paceWords } from "./pace.ts";

/** Where a controller is and how one logs in. */
export interface Access {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly kg?: string | undefined;
  readonly privilege: string;
}

/** Run one ipmitool command in a session of its own and answer its stdout; what went wrong is thrown in our words. */
export async function ipmitool(
  ctx: Context,
  run: Run,
  settings: Access,
  { suite, pace, words }: Command,
): Promise<string> {
  const { file, args, env } = commandOf(settings, { suite, pace, words: ["-v", ...words] });
  const finished = await started(run(ctx, file, args, { env }));
  const trouble = explain(finished);
  if (trouble) throw worded(trouble, settings, suite, words);
  return finished.stdout;
}

/** What is asked, and how. */
export interface Command {
  readonly suite: number;
  readonly pace: Pace;
  readonly words: readonly string[];
}

/** The same as it is started. */
export interface Started {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Neither password nor key stands in its arguments. */
export function commandOf(settings: Access, { suite, pace, words }: Command): Started {
  const { address, port, user, privilege } = settings;
  const kg = settings.kg === undefined ? undefined : kgBytes(settings.kg);
  // -E: the password comes by the environment, and an empty one does not make ipmitool ask the terminal.
  const session = [
    "-I",
    "lanplus",
    "-H",
    address,
    "-p",
    `${port}`,
    "-U",
    user,
    "-L",
    privilege,
    "-C",
    `${suite}`,
  ];
  const args = [...session, ...paceWords[pace], "-E", ...(kg ? ["-K"] : []), ...words];
  const env = { LC_ALL: "C", IPMITOOL_PASSWORD: settings.password };
  if (!kg) return { file: "ipmitool", args, env };
  const octal = [...kg].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  return { file: "sh", args: ["-c", kgScript, "ipmitool", ...args], env: { ...env, KG_OCTAL: octal } };
}

/** A Kg as its bytes: `0x…` is hexadecimal, anything else text. */
export const kgBytes = (kg: string): Buffer =>
  kg.startsWith("0x") ? Buffer.from(kg.slice(2), "hex") : Buffer.from(kg, "utf8");

// Node's environment holds text only, a Kg is any bytes: a shell makes them from octal digits, seen by no argument list.
const kgScript =
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, which would strip a newline at the end otherwise
  'k=$(printf "$KG_OCTAL."); IPMI_KGKEY=${k%.}; export IPMI_KGKEY; unset KG_OCTAL; exec ipmitool "$@"';

async function started(running: Promise<Finished>): Promise<Finished> {
  try {
    return await running;
  } catch (error) {
    // The shell passes on the 127 of what it could not start.
    if (!hasCode(error, "PROGRAM_MISSING")) throw error;
    throw processErrors.make("PROGRAM_MISSING", { program: "ipmitool" }, { cause: error });
  }
}

type Code =
  | "POWER_UNREACHABLE"
  | "POWER_DENIED"
  | "POWER_KG"
  | "POWER_NOT_ALLOWED"
  | "POWER_CIPHER"
  | "POWER_NO_SESSION"
  | "POWER_LATE"
  | "POWER_BUSY"
  | "POWER_ODD_REPLY";
/** Why an ipmitool command failed. */
export interface Trouble {
  readonly code: Code;
  readonly reason: string;
}

// With -v ipmitool tells of its own probing, also when all is well, and one of these lines even says "privilege".
const noise = [
  /^\s*$/,
  /^Loading IANA PEN Registry/,
  /IANA PEN registry|enterprise-numbers/i,
  /^Get HPM\.x Capabilities request failed/,
  /^(Running )?Get (VSO|PICMG)/,
  /^Invalid completion code received/,
  /^Discovered (IPMB|PICMG)/,
  /^Error issuing Get Channel Authentication/,
  /^IPMI Request Match NOT FOUND/,
  /^Close Session command failed/,
  /^RAW (REQ|REQUEST|RSP)\b|^(\s[0-9a-f]{2})+\s*$/,
];
const noSession = /^Error: Unable to establish (IPMI|LAN)/;

const crossing = "an answer belonged to an earlier question";

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
  // Asked without the word "2.0", after two questions with it were not answered.
  [/does not support IPMI v2/, "POWER_LATE", "it was not heard to speak IPMI 2.0"],
  // Four unanswered handshakes, after which it goes on as if it had a session.
  [/Set Session Privilege Level to .* failed$/, "POWER_NO_SESSION", "it opens no session"],
  [/Address lookup for .* failed/, "POWER_UNREACHABLE", "its name has no address"],
  [/Could not open socket/, "POWER_UNREACHABLE", "there is no way to its address"],
  [/Get Auth Capabilities error/, "POWER_UNREACHABLE", "nothing came back from its address and port"],
  [/no response from RAKP 1/, "POWER_UNREACHABLE", "it is silent to this user's login"],
  [/no response from RAKP 3/, "POWER_UNREACHABLE", "it fell silent in the middle of the login"],
  [/Received an Unexpected/, "POWER_LATE", crossing],
];

// What follows the last colon when the controller answered with a completion code.
const completion = /(?:failed|rsp=0x[0-9a-f]+\)): (.+)$/;
const busy = /^(Node busy|Timeout|Out of space|.* in update mode|BMC initialization in progress)$/;

// What ipmitool says of answers that it no longer waited for. What follows them may be about another question than its last.
const crossed = /^(> )?Error: (Received an Unexpected|no response from RAKP)/;
const crossable: readonly Code[] = ["POWER_DENIED", "POWER_KG", "POWER_NOT_ALLOWED", "POWER_CIPHER"];

/** What ipmitool's exit code and words mean; undefined when it did what it was asked. */
export function explain({ code, stderr }: Finished): Trouble | undefined {
  const lines = stderr.split("\n").map((line) => line.trimEnd());
  const refused = lines.some((line) => noSession.test(line));
  // Some verbs (`fru`) and options end with 0 although no session was opened.
  if (code === 0 && !refused) return undefined;
  const words = lines.filter((line) => !noise.some((pattern) => pattern.test(line)) && !noSession.test(line));
  const late = words.some((line) => crossed.test(line));
  for (const [pattern, code, reason] of rules) {
    if (!words.some((line) => pattern.test(line))) continue;
    return late && crossable.includes(code) ? { code: "POWER_LATE", reason: crossing } : { code, reason };
  }
  const last = words.at(-1);
  if (refused && last === undefined) return { code: "POWER_UNREACHABLE", reason: "it opens no session" };
  const answer = words.map((line) => completion.exec(line)?.[1]).findLast((text) => text !== undefined);
  if (answer === "Insufficient privilege level") return { code: "POWER_NOT_ALLOWED", reason: answer };
  if (answer !== undefined)
    return { code: busy.test(answer) ? "POWER_BUSY" : "POWER_ODD_REPLY", reason: answer };
  if (words.some((line) => /^Unable to (get|set|send)/i.test(line))) {
    return { code: "POWER_UNREACHABLE", reason: "the session was opened, the command was not answered" };
  }
  return { code: "POWER_ODD_REPLY", reason: last ?? `exit code ${code ?? "none"}` };
}

function worded(
  { code, reason }: Trouble,
  { address: host, port, user, password }: Access,
  suite: number,
  words: readonly string[],
): MetalError {
  const address = controllerName(host, port);
  // ipmitool does not print passwords; should it ever, ours is not passed on.
  const said = password === "" ? reason : reason.replaceAll(password, "***");
  switch (code) {
    case "POWER_UNREACHABLE":
    case "POWER_LATE":
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
      return powerErrors.make(code, { address, reply: said, what: words.join(" ") });
  }
}

/** Host and port as one word; an IPv6 address in brackets. */
export const controllerName = (host: string, port: number): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
