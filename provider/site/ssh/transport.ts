import { type Context, LimitReached, within } from "../../kernel/context.ts";
import { MetalError } from "../../kernel/errors.ts";
import { shared } from "../../kernel/shared.ts";
import { type Duration, toMs } from "../../kernel/units.ts";
import type { Transport } from "../transport.ts";
import type { SshAddress } from "./address.ts";
import { connectErrors } from "./errors.ts";
import type { Link } from "./link.ts";

/** How long a connection that was lost is tried again: a switch, or the host, comes up in that time. */
const patient: Duration = "10 minutes";
const pause = "5 seconds";
/** Connections in a row that break off at once, before what breaks them is not asked once more. */
const mostBrief = 5;

/**
 * A helper on another host, by the user's own `ssh`: one login for all requests, made by the first of them. What was cut
 * off is asked again once the host can be reached; that does no harm, as the helper's jobs go on meanwhile.
 */
export function overSsh(address: SshAddress, version: string, patience = patient): Transport {
  let link: Link | undefined;
  let brief = 0;
  const login = shared(async (ctx) => {
    const { openLink } = await import("./link.ts"); // loaded only here: Node's http2 is not for free
    const opened = await openLink(ctx, address);
    brief = link?.brief() ? brief + 1 : 0;
    if (brief === 0) for (const warning of wordsOf(opened)) ctx.log.warn(warning);
    link = opened;
    return opened;
  });
  const again = shared((ctx) => retried(ctx, address, patience, login));
  const current = async (ctx: Context): Promise<Link> => {
    if (link === undefined) return login(ctx);
    if (link.alive()) return link;
    ctx.report({ stage: `waiting for the connection to ${address.shown}`, note: "the work there goes on" });
    return again(ctx);
  };
  const wordsOf = ({ warnings, version: theirs }: Link): readonly string[] =>
    theirs === version
      ? warnings
      : [
          ...warnings,
          `pulumi-baremetal is of version ${theirs} on ${address.shown} and of ${version} here: install the same on both`,
        ];
  return {
    elsewhere: true,
    send: async (ctx, path, body) => (await current(ctx)).send(ctx, path, body),
    async regain(ctx) {
      if (link === undefined || link.alive()) return false; // it was the helper that went, not the connection
      if (brief >= mostBrief) return false;
      await current(ctx);
      return true;
    },
  };
}

async function retried(
  ctx: Context,
  { shown: host }: SshAddress,
  patience: Duration,
  login: (ctx: Context) => Promise<Link>,
): Promise<Link> {
  let reason = "it broke off";
  try {
    return await within(ctx, patience, async (inner) => {
      for (;;) {
        try {
          return await login(inner);
        } catch (error) {
          if (!(error instanceof MetalError && error.retry)) throw error;
          reason = error.record.text;
        }
        await inner.clock.sleep(toMs(pause), inner.signal);
      }
    });
  } catch (error) {
    if (!(error instanceof LimitReached)) throw error;
    throw connectErrors.make("SSH_LOST", { host, limit: patience, reason });
  }
}
