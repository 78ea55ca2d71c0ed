import { defineErrors } from "../../kernel/errors.ts";

/** What stands between a client and the deploy helper of another host. `{host}` is the address as it was given. */
export const sshErrors = defineErrors({
  SSH_BAD_ADDRESS: {
    text: "the site's address {address} is not right: {reason}",
    remedy:
      "Write `ssh://user@boothost:port`; user and port may be left out. Everything else of the way there belongs into your `~/.ssh/config`.",
    fault: "input",
  },
  SSH_NOT_HERE: {
    text: "this command works on the files of the site's own host, and the site was given as {host}",
    remedy: "Log in there and run it there.",
    fault: "input",
  },
  SSH_MISSING: {
    text: "the program ssh is not installed on this host, and the site is at {host}",
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
      "No password is asked for here: `ssh -o BatchMode=yes` to it has to work without a question, by a key that your agent holds or your `~/.ssh/config` names.",
    fault: "host",
  },
  SSH_COMMAND_MISSING: {
    text: "there is no {command} on {host}: {reason}",
    remedy:
      "Install it there with `npm install --global pulumi-baremetal`, or name the program by its path: `ssh://user@boothost?command=/srv/baremetal/node_modules/.bin/pulumi-baremetal`.",
    fault: "host",
  },
  SSH_NO_HELPER: {
    text: "on {host} {command} did not come up: {reason}",
    remedy:
      "Run it there by hand: it prints one line, and waits. `npx pulumi-baremetal doctor` on that host tells what is missing.",
    fault: "host",
  },
  SSH_LOST: {
    text: "the connection to {host} was lost, and did not come back within {limit}: {reason}",
    remedy:
      "Work that was begun there goes on. Run `pulumi up` again when the host can be reached: it attaches to what is under way.",
    fault: "host",
    retry: true,
  },
});
