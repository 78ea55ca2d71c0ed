import type { Refused, Refusing } from "../api/refused.ts";
import type { AuditRecord } from "./audit.ts";

/** Noted where they were found: by the site of the asker. */
const notedBySite = ["TOKEN_SCOPE", "TOKEN_OWNER"];

/**
 * Notes what was asked amiss by who was let in: a body that is not right, a path that there is not, one that is too large.
 * Whoever was not let in has the door's line; what is no request at all is nobody's, and counted only.
 */
export const notingRefused =
  (note: AuditRecord): Refusing =>
  ({ route, code, who, from }: Refused) => {
    if (who === undefined || notedBySite.includes(code)) return;
    const time = new Date().toISOString();
    note({ time, who, from, what: "request", route, outcome: code, seconds: 0 });
  };
