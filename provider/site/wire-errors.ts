import { defineErrors } from "../kernel/errors.ts";

/** What can go wrong between a client and the deploy helper, on the same host or not. */
export const wireErrors = defineErrors({
  HELPER_GONE: {
    text: "the connection to the deploy helper was lost: {reason}",
    remedy: "Run `pulumi up` again: it goes on from where the work stands.",
    fault: "site",
    retry: true,
  },
  HELPER_REFUSED: {
    text: "the deploy helper did not take the request: {reason}",
    remedy: "Its version is another one, or the request is too large: see the helper's log.",
    fault: "site",
  },
  HELPER_NO_FOLDER: {
    text: "the folder {stateDir} of the site's records cannot be made: {reason}",
    remedy: "Give the helper's user that folder, or name another one as `stateDir` in the site's settings.",
    fault: "host",
  },
  HELPER_OTHER_WIRE: {
    text: "this program and the deploy helper do not speak the same language: this one speaks number {ours}, the helper number {theirs}, and the lower number is the older one",
    remedy:
      "Nothing was done. Install the same version of pulumi-baremetal here and on the helper's host; a helper of this host is replaced when it is idle.",
    fault: "host",
  },
});

/** Refuse a helper that would understand something else than is meant. One that tells no number is older than the numbers. */
export function refuseOtherWire(theirs: number | undefined, ours: number): void {
  if (theirs !== ours) throw wireErrors.make("HELPER_OTHER_WIRE", { theirs: theirs ?? 1, ours });
}
