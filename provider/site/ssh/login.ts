import type { MetalError } from "../../kernel/errors.ts";
import { type Ended, lacksSsh, loginWords, reasonOf, whyNoLogin } from "../../services/ssh/login.ts";
import type { SshAddress } from "./address.ts";
import { connectErrors } from "./errors.ts";

/** How `ssh` is started for a helper on another host. */
export const sshWords = (address: SshAddress): readonly string[] =>
  loginWords(
    address,
    // A master that is there is used; one that we leave behind would outlive us.
    ["ServerAliveInterval=15", "ServerAliveCountMax=4", "ControlMaster=no"],
    `${address.command} connect`,
  );

/** Why there is no connection: 255 is `ssh`'s own end, everything else that of the command on the host. */
export function whyNot(address: SshAddress, ended: Ended): MetalError {
  const { shown: host, command } = address;
  const { code } = ended;
  if (lacksSsh(ended) || code === 255 || code === undefined) return whyNoLogin(address, ended);
  const reason = reasonOf(ended);
  // Shells say "not found" with 127, and "permission denied" or "not executable" with 126.
  const missing = code === 127 || code === 126;
  return connectErrors.make(missing ? "SSH_COMMAND_MISSING" : "SSH_NO_HELPER", { host, command, reason });
}
