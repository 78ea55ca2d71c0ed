import { Refusal } from "../api/refusals.ts";
import type { ApiOptions } from "../api/server.ts";
import type { MetalError } from "../kernel/errors.ts";
import { type Bearer, hasExpired } from "../site/access.ts";
import { guardedSite } from "../site/guarded.ts";
import type { LocalSite } from "../site/local/index.ts";
import { type AuditRecord, auditedSite } from "./audit.ts";
import { serveErrors } from "./errors.ts";
import { createTurnstile } from "./turnstile.ts";

export interface Books {
  /** What is done by who is let in. */
  readonly record: AuditRecord;
  /** Who is not let in. */
  readonly turnedAway: AuditRecord;
}

/** Lets the bearers of good tokens in, each to what is theirs. All others are noted, and told to wait if they come too often. */
export function doorkeeper(site: LocalSite, { record, turnedAway }: Books): NonNullable<ApiOptions["admit"]> {
  const turnstile = createTurnstile({ now: Date.now });
  return async ({ token, address: from, route }) => {
    const bearer = token === undefined ? undefined : await site.bearerOf(token);
    if (bearer && !hasExpired(bearer, Date.now())) {
      const who = bearer.name;
      return { site: auditedSite(guardedSite(site, bearer), { who, from }, record), who };
    }
    const wait = turnstile.turnAway(from);
    const failure = wait === undefined ? why(bearer) : serveErrors.make("TOKEN_RATE", { seconds: wait });
    const asked = {
      time: new Date().toISOString(),
      who: bearer?.name ?? "nobody",
      from,
      what: "entry",
      route,
    };
    turnedAway({ ...asked, outcome: failure.code, seconds: 0 });
    throw wait === undefined ? failure : new Refusal(429, failure, { "retry-after": String(wait) });
  };
}

function why(bearer: Bearer | undefined): MetalError {
  if (!bearer) return serveErrors.make("TOKEN_MISSING", {});
  return serveErrors.make("TOKEN_EXPIRED", { name: bearer.name, at: bearer.expires ?? "" });
}
