import { defineErrors } from "../../kernel/errors.ts";

/** What stands between us and a program on another host. `{host}` is the address as it was given. */
export const sshErrors = defineErrors({
  SSH_BAD_ADDRESS: {
    text: "the address {address} is not right: {reason}",
    remedy:
      "Write `ssh://user@host:port`; user and port may be left out. Everything else of the way there belongs into your `~/.ssh/config`.",
    fault: "input",
  },
  SSH_MISSING: {
    text: "the program ssh is not installed on this host, and {host} is reached by it",
    remedy: "Install OpenSSH's client: on Debian and Ubuntu the package openssh-client.",
    fault: "host",
  },
  SSH_NOT_REACHED: {
    text: "{host} cannot be reached by ssh: {reason}",
    remedy:
      "Nothing was changed. `ssh` to it by hand tells more; jump hosts belong into your `~/.ssh/config`.",
    fault: "host",
    retry: true,
  },
  SSH_HOST_KEY_UNKNOWN: {
    text: "the host key of {host} is not known here: {reason}",
    remedy:
      "Nothing was sent to it. Log in once with `ssh`, and compare the fingerprint that it shows with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`, run on that host's console.",
    fault: "host",
  },
  SSH_HOST_KEY_CHANGED: {
    text: "the host key of {host} is not the one that is known here: {reason}",
    remedy:
      "Nothing was sent to it: another machine may answer in its place. If it was installed anew, compare the fingerprint on its console, remove the old key with `ssh-keygen -R`, and log in once with `ssh`.",
    fault: "host",
  },
  SSH_DENIED: {
    text: "{host} did not let us in: {reason}",
    remedy:
      "No password is asked for here: `ssh -o BatchMode=yes` to it has to work without a question, by a key that your agent holds (`ssh-add -l` lists them) or your `~/.ssh/config` names.",
    fault: "host",
  },
  SSH_NO_SHELL: {
    text: "on {host} nothing can be run by ssh: {reason}",
    remedy:
      "The account there needs a shell that can run `sh`: `nologin` and a forced command in its authorized_keys let nothing else run.",
    fault: "host",
  },
  SSH_PROGRAM_MISSING: {
    text: "there is no {program} on {host}",
    remedy: "Install it there: it is that host which has to run it.",
    fault: "host",
  },
  SSH_CUT: {
    text: "the connection to {host} was lost while {program} ran there: {reason}",
    remedy:
      "The program was ended with it, and may have done its work before. See that the host and the way to it are up; what was asked is asked again.",
    fault: "host",
    retry: true,
  },
});
