import type { MetalError } from "../../kernel/errors.ts";
import type { SshHost } from "./address.ts";
import { sshErrors } from "./errors.ts";

/** How `ssh` is started. What the user's configuration says of the host counts, but for what would ask, trust or disturb. */
export function loginWords(
  { host, user, port }: SshHost,
  options: readonly string[],
  command?: string,
): readonly string[] {
  return [
    "-T",
    ...set("BatchMode=yes"), // nobody is there to answer
    ...set("StrictHostKeyChecking=yes"), // a host key is for a person to accept
    ...set("ConnectTimeout=20"),
    // Forwardings of the user's own logins would clash with those, and a RemoteCommand with ours.
    ...set("ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no", "RemoteCommand=none"),
    ...set("LogLevel=ERROR", ...options),
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...["--", host, ...(command === undefined ? [] : [command])],
  ];
}

const set = (...options: readonly string[]) => options.flatMap((option) => ["-o", option]);

/** What `ssh`, or what it started, said before it ended. */
export interface Ended {
  readonly code: number | undefined;
  readonly stderr: string;
}

/** OpenSSH's words for the ends that have a remedy of their own (its messages are not translated). */
const words: readonly (readonly [RegExp, Known])[] = [
  [/REMOTE HOST IDENTIFICATION HAS CHANGED|host key .*has changed/i, "SSH_HOST_KEY_CHANGED"],
  [/Host key verification failed|No \S+ host key is known/i, "SSH_HOST_KEY_UNKNOWN"],
  [/Permission denied|Too many authentication failures|No supported authentication methods/i, "SSH_DENIED"],
];
type Known = "SSH_HOST_KEY_CHANGED" | "SSH_HOST_KEY_UNKNOWN" | "SSH_DENIED";

/** Whether there is no `ssh` here. */
export const lacksSsh = ({ stderr }: Ended): boolean =>
  /^setpriv: failed to execute/m.test(stderr) || /\bspawn ssh ENOENT\b/.test(stderr);

/** Why `ssh` itself ended, which it does with 255. */
export function whyNoLogin({ shown: host }: SshHost, ended: Ended): MetalError {
  if (lacksSsh(ended)) return sshErrors.make("SSH_MISSING", { host });
  const { stderr } = ended;
  const known = words.find(([pattern]) => pattern.test(stderr))?.[1];
  const reason = reasonOf(ended);
  return sshErrors.make(known ?? "SSH_NOT_REACHED", {
    host,
    reason: known ? telling(stderr, reason) : reason,
  });
}

/** The last that was said, without its full stop: our sentence goes on. */
export const reasonOf = ({ code, stderr }: Ended): string =>
  withoutStop(stderr.trim().split(/\r?\n/).at(-1)?.trim() ?? "") ||
  (code === undefined ? "ssh was ended" : "it ended without a word");

/** The line of a refusal that tells most: which key, rather than that the verification failed. */
const telling = (stderr: string, otherwise: string) => {
  const line = /^(?:No \S+ host key is known.*|Offending .*|Host key for .* has changed.*)$/m.exec(
    stderr,
  )?.[0];
  return line === undefined ? otherwise : withoutStop(line.trim());
};
const withoutStop = (text: string) => text.replace(/\.$/, "");
