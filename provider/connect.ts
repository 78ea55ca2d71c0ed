import { type Context, newContext } from "./kernel/context.ts";
import { type Launch, reachEmbedded } from "./site/embedded.ts";
import type { SiteSettings } from "./site/settings.ts";
import { type Ends, sayFailure, serveLink } from "./site/ssh/far.ts";
import { wire } from "./site/wire.ts";

/**
 * What a client's `ssh` starts on the boot host: bring up the helper of this user's site, as a program on this host would,
 * and hand the client's requests on to it until the client hangs up. False when there is no helper, which the client is told.
 */
export async function connectStdio(
  ctx: Context,
  ends: Ends,
  settings: () => SiteSettings,
  launch: Launch,
): Promise<boolean> {
  const warnings: string[] = [];
  const log = { ...ctx.log, warn: (text: string) => void warnings.push(text) };
  try {
    const helper = await reachEmbedded(newContext({ signal: ctx.signal, log }), settings(), launch);
    await serveLink(ctx, ends, { version: launch.version, wire, warnings }, helper);
    return true;
  } catch (error) {
    sayFailure(ends, error);
    return false;
  }
}
