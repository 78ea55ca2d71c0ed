import { sshErrors } from "./errors.ts";

/** Where a site is whose helper is on another host: as `ssh` is told it. */
export interface SshAddress {
  /** A name, an address or an alias of the user's `~/.ssh/config`. */
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
  /** The program on that host: a name on its search path, or a path. */
  readonly command: string;
  /** For people: `ssh://user@host:port`. */
  readonly shown: string;
}

const form = /^ssh:\/\/(?:(?<user>[^@/?#]*)@)?(?<host>\[[^\]]*\]|[^:/?#]*)(?::(?<port>[^/?#]*))?(?<rest>.*)$/;

/** Whether a site's setting is an address for `ssh`. */
export const isSshAddress = (text: string): boolean => text.trimStart().startsWith("ssh://");

/** What the words mean; everything that is not understood is refused, so that nothing becomes an option of `ssh`. */
export function sshAddress(text: string): SshAddress {
  const { user, host = "", port, rest = "" } = form.exec(text.trim())?.groups ?? {};
  const shown = `ssh://${user === undefined ? "" : `${user.replace(/:.*/, ":…")}@`}${host}${port ? `:${port}` : ""}`;
  const bad = (reason: string) => sshErrors.make("SSH_BAD_ADDRESS", { address: shown, reason });
  if (user?.includes(":")) throw bad("it holds a password, which would lie in the stack in clear");
  if (user !== undefined && !/^[\w.][\w.@+-]*$/.test(user)) throw bad("its user is not one");
  if (!/^(\w[\w.-]*|\[[\da-fA-F:.]+(%[\w.-]+)?\])$/.test(host)) throw bad("its host is not one");
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    throw bad("its port is no number from 1 to 65535");
  }
  const command = commandOf(rest);
  if (command === undefined) throw bad("behind the host only `?command=PATH` can follow");
  if (!/^[\w./~][\w./~@+-]*$/.test(command)) throw bad("its command is not a name or a path");
  return {
    host: host.replace(/^\[|\]$/g, ""),
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: Number(port) }),
    command,
    shown,
  };
}

function commandOf(rest: string): string | undefined {
  if (rest === "" || rest === "/") return "pulumi-baremetal";
  return /^\/?\?command=([^&#]+)$/.exec(rest)?.[1];
}
