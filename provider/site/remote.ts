import type { Context } from "../kernel/context.ts";
import { isSshAddress } from "../services/ssh/address.ts";
import { lookingAhead } from "./ahead/client.ts";
import { carrying } from "./carrying/index.ts";
import { clientOf } from "./client.ts";
import { httpsAddress, isHttpsAddress } from "./https/address.ts";
import { httpsErrors } from "./https/errors.ts";
import { overHttps } from "./https/transport.ts";
import type { Site } from "./site.ts";
import { sshAddress } from "./ssh/address.ts";
import { connectErrors } from "./ssh/errors.ts";
import { overSsh } from "./ssh/transport.ts";
import type { Transport } from "./transport.ts";
import { wire } from "./wire.ts";
import { refuseOtherWire } from "./wire-errors.ts";

/** What a client on this host brings along. */
export interface Caller {
  readonly version: string;
  /** The token of whoever does not write it into the site's setting. */
  readonly token: string | undefined;
  /** Where digests of this host's files are remembered. */
  readonly cacheDir: string;
}

/** The way to a site whose helper is on another host; undefined where the setting describes one of this host. */
export function remoteOf(
  site: string | undefined,
  { version, token }: Omit<Caller, "cacheDir">,
): Transport | undefined {
  if (site === undefined) return undefined;
  if (isSshAddress(site)) return overSsh(sshAddress(site), version);
  if (isHttpsAddress(site)) return overHttps(httpsAddress(site, token));
  return undefined;
}

/** The same as a Site that has answered: one login for all that follows, and its warnings once. */
export async function connectRemote(
  ctx: Context,
  site: string | undefined,
  caller: Caller,
): Promise<Site | undefined> {
  const remote = remoteOf(site, caller);
  if (site === undefined || remote === undefined) return undefined;
  const client = clientOf(remote);
  const { version, wire: theirs } = await client.about(ctx);
  refuseOtherWire(theirs, wire);
  // By ssh the far end has told it already.
  if (version !== caller.version && isHttpsAddress(site)) {
    ctx.log.warn(
      `the service is of version ${version}, and this program has ${caller.version}: install the same on both`,
    );
  }
  return carrying(lookingAhead(client), caller.cacheDir);
}

/** For people: where a site is whose helper is on another host; undefined for one of this host. */
export function hostOf(site: string | undefined): string | undefined {
  if (site === undefined) return undefined;
  if (isSshAddress(site)) return sshAddress(site).shown;
  return isHttpsAddress(site) ? httpsAddress(site, undefined).shown : undefined;
}

/** Refuse a site of another host, for who works on files of its own. */
export function refuseRemote(site: string | undefined): void {
  const address = hostOf(site);
  if (site === undefined || address === undefined) return;
  if (isSshAddress(site)) throw connectErrors.make("SSH_NOT_HERE", { host: address });
  throw httpsErrors.make("SERVICE_NOT_HERE", { address });
}
