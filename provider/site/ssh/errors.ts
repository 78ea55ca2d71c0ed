import { defineErrors } from "../../kernel/errors.ts";

/** What stands between a client and the deploy helper of another host, beside what any login can meet. */
export const connectErrors = defineErrors({
  SSH_NOT_HERE: {
    text: "this command works on the files of the site's own host, and the site was given as {host}",
    remedy: "Log in there and run it there.",
    fault: "input",
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
