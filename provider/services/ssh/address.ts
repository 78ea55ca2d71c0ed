import { sshErrors } from "./errors.ts";

/** Another host, as `ssh` is told it. */
export interface SshHost {
  /** A name, an address or an alias of the user's `~/.ssh/config`. */
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
  /** For people: `ssh://user@host:port`. */
  readonly shown: string;
}

const form = /^ssh:\/\/(?:(?<user>[^@/?#]*)@)?(?<host>\[[^\]]*\]|[^:/?#]*)(?::(?<port>[^/?#]*))?(?<rest>.*)$/;

/** Whether the words mean to be an address for `ssh`. */
export const isSshAddress = (text: string): boolean => text.trimStart().startsWith("ssh://");

/**
 * What the words mean, and what follows the host. Everything that is not understood is refused, so that nothing becomes an
 * option of `ssh`. SSH_BAD_ADDRESS.
 */
export function readSshAddress(text: string): SshHost & { readonly rest: string } {
  const { user, host = "", port, rest = "" } = form.exec(text.trim())?.groups ?? {};
  const shown = `ssh://${user === undefined ? "" : `${user.replace(/:.*/, ":…")}@`}${host}${port ? `:${port}` : ""}`;
  const bad = (reason: string) => badAddress(shown, reason);
  if (user?.includes(":")) throw bad("it holds a password, which would lie in the stack in clear");
  if (user !== undefined && !/^[\w.][\w.@+-]*$/.test(user)) throw bad("its user is not one");
  if (!/^(\w[\w.-]*|\[[\da-fA-F:.]+(%[\w.-]+)?\])$/.test(host)) throw bad("its host is not one");
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535)) {
    throw bad("its port is no number from 1 to 65535");
  }
  return {
    host: host.replace(/^\[|\]$/g, ""),
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...{ shown, rest },
  };
}

/** A host and nothing else. SSH_BAD_ADDRESS. */
export function sshHost(text: string): SshHost {
  const { rest, ...host } = readSshAddress(text);
  if (rest !== "" && rest !== "/") throw badAddress(host.shown, "behind the host nothing can follow");
  return host;
}

export const badAddress = (address: string, reason: string) =>
  sshErrors.make("SSH_BAD_ADDRESS", { address, reason });
