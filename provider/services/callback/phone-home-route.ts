import type { FastifyInstance } from "fastify";
import type { Context } from "../../kernel/context.ts";
import { type ParsedPhoneHome, parsePhoneHome } from "../cloudinit/phone-home.ts";
import { canonicalAddress } from "./address.ts";
import { say, verdictOf } from "./reply.ts";
import { tokenPattern } from "./token.ts";

/** `unknown`: nobody waits for this token, or not any more. */
export type PhoneVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: string | "unknown" };

/** Who may phone home, `peer` being where the call came from; answers when what was heard is on disk. */
export type Phoned = (token: string, heard: ParsedPhoneHome, peer: string) => Promise<PhoneVerdict>;

const folder = "/v1/phone-home/";
/** Four keys and three names are less than 4 KiB. */
const bodyLimit = 16 * 1024;

/** Where a system phones home, seen from the provisioning network. */
export const phoneHomeUrl = (host: string, port: number, token: string): string =>
  `http://${host}:${port}${folder}${token}`;

/** The path by which a request is routed; undefined for what is no phone-home. What cannot be a token ends at the folder, where nothing is. */
export function phoneHomePath(url = ""): string | undefined {
  if (!url.startsWith(folder)) return undefined;
  const token = url.slice(folder.length);
  return tokenPattern.test(token) ? url : folder;
}

/** POST with a token that somebody waits for: 200, once; 400 with one line for a form that is not as it should be; everything else 404. */
export function routePhoneHome(ctx: Context, app: FastifyInstance, phoned: Phoned): void {
  app.post<{ Params: { token: string } }>(`${folder}:token`, { bodyLimit }, async (request, reply) => {
    const { body, ip, params } = request;
    const peer = canonicalAddress(ip) ?? ip;
    const log = ctx.log.with({ peer });
    const heard = parsePhoneHome(body instanceof Buffer ? body.toString("utf8") : "");
    const verdict = await verdictOf({ ...ctx, log }, () => phoned(params.token, heard, peer));
    const told = heard.ok
      ? { instance: heard.call.instanceId, hostname: heard.call.hostname, keys: heard.call.hostKeys.length }
      : {};
    if (verdict.ok) {
      log.info("a system phoned home", told);
      return say(reply, 200, "");
    }
    log.warn("phone-home refused", { ...told, reason: verdict.reason });
    return verdict.reason === "unknown" ? say(reply, 404, "Not Found") : say(reply, 400, verdict.reason);
  });
}
