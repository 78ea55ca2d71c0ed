import type { IncomingHttpHeaders } from "node:http";
import type { Context } from "../../kernel/context.ts";
import { type Patience, persist } from "./persist.ts";
import { ask, statusError, type WebOptions } from "./web.ts";

/** What a server tells of a file, to know later whether it is still the same. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
  /** Bytes. */
  readonly length?: number;
}

/** Ask a server of a file without fetching it. Some answer HEAD badly: those are asked by GET and cut off. */
export async function probe(
  ctx: Context,
  web: WebOptions,
  patience: Patience,
  { url, source }: { readonly url: URL; readonly source: string },
): Promise<Validators> {
  const one = async (method: "GET" | "HEAD") => {
    const answer = await ask(ctx, web, { method, url, source });
    answer.close();
    return answer;
  };
  const both = async () => {
    const head = await one("HEAD");
    const answer = head.status === 200 ? head : await one("GET");
    if (answer.status !== 200) throw statusError(answer.status, source);
    return validatorsOf(answer.headers);
  };
  return persist(ctx, patience, () => 0, both);
}

/** Whether a file is still what it was. A server that tells neither ETag nor Last-Modified leaves it open: no. */
export function isSame(a: Validators, b: Validators): boolean {
  if (a.etag === undefined && a.lastModified === undefined) return false;
  return a.etag === b.etag && a.lastModified === b.lastModified && a.length === b.length;
}

/** The validators among an answer's headers. */
export function validatorsOf(headers: IncomingHttpHeaders): Validators {
  const { etag, "last-modified": lastModified, "content-length": length } = headers;
  return {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(length === undefined || !/^\d+$/.test(length) ? {} : { length: Number(length) }),
  };
}

/** What If-Range takes: a weak ETag does not promise the same bytes (RFC 9110, 13.1.5). */
export const rangeValidator = ({ etag, lastModified }: Validators): string | undefined =>
  etag !== undefined && !etag.startsWith("W/") ? etag : lastModified;
