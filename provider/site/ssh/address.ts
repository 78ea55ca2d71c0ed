import { badAddress, readSshAddress, type SshHost } from "../../services/ssh/address.ts";

/** Where a site is whose helper is on another host. */
export interface SshAddress extends SshHost {
  /** The program on that host: a name on its search path, or a path. */
  readonly command: string;
}

/** What a site's setting means. SSH_BAD_ADDRESS. */
export function sshAddress(text: string): SshAddress {
  const { rest, ...host } = readSshAddress(text);
  const command = commandOf(rest);
  if (command === undefined) throw badAddress(host.shown, "behind the host only `?command=PATH` can follow");
  if (!/^[\w./~][\w./~@+-]*$/.test(command)) {
    throw badAddress(host.shown, "its command is not a name or a path");
  }
  return { ...host, command };
}

function commandOf(rest: string): string | undefined {
  if (rest === "" || rest === "/") return "pulumi-baremetal";
  return /^\/?\?command=([^&#]+)$/.exec(rest)?.[1];
}
