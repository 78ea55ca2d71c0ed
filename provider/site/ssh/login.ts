import type { MetalError } from "../../kernel/errors.ts";
import type { SshAddress } from "./address.ts";
import { sshErrors } from "./errors.ts";

/** How `ssh` is started. What the user's configuration says of the host counts, but for what would ask, trust or disturb. */
export function sshWords({ host, user, port, command }: SshAddress): readonly string[] {
  return [
    "-T",
    ...set("BatchMode=yes"), // nobody is there to answer
    ...set("StrictHostKeyChecking=yes"), // a host key is for a person to accept
    ...set("ConnectTimeout=20", "ServerAliveInterval=15", "ServerAliveCountMax=4"),
    // Forwardings of the user's own logins would clash with those, and a RemoteCommand with ours.
    ...set("ClearAllForwardings=yes", "ForwardAgent=no", "ForwardX11=no", "RemoteCommand=none"),
    ...set("ControlMaster=no"), // one that is there is used; one that we leave behind would outlive us
    ...set("LogLevel=ERROR"),
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", String(port)]),
    ...["--", host, `${command} connect`],
  ];
}

const set = (...options: readonly string[]) => options.flatMap((option) => ["-o", option]);

/** What `ssh`, or what it started, said before it ended without a hello. */
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

/** Why there is no connection: 255 is `ssh`'s own end, everything else that of the command on the host. */
export function whyNot({ shown: host, command }: SshAddress, { code, stderr }: Ended): MetalError {
  const reason = lastLine(stderr) || (code === undefined ? "ssh was ended" : "it ended without a word");
  if (/^setpriv: failed to execute/m.test(stderr) || /\bspawn ssh ENOENT\b/.test(stderr)) {
    return sshErrors.make("SSH_MISSING", { host });
  }
  // Shells say "not found" with 127, and "permission denied" or "not executable" with 126.
  if (code === 127 || code === 126) return sshErrors.make("SSH_COMMAND_MISSING", { host, command, reason });
  if (code !== 255 && code !== undefined) return sshErrors.make("SSH_NO_HELPER", { host, command, reason });
  const known = words.find(([pattern]) => pattern.test(stderr))?.[1];
  return sshErrors.make(known ?? "SSH_NOT_REACHED", {
    host,
    reason: known ? telling(stderr, reason) : reason,
  });
}

const lastLine = (text: string) => text.trim().split(/\r?\n/).at(-1)?.trim() ?? "";

/** The line of a refusal that tells most: which key, rather than that the verification failed. */
const telling = (stderr: string, otherwise: string) =>
  /^(?:No \S+ host key is known.*|Offending .*|Host key for .* has changed.*)$/m.exec(stderr)?.[0].trim() ??
  otherwise;
