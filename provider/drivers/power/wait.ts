import { MetalError } from "../../kernel/errors.ts";

/** A refusal by a controller that says for how long it is to be left alone. The manners heed it, as far as they bear. */
export class AskedToWait extends MetalError {
  readonly ms: number;

  constructor(error: MetalError, ms: number) {
    super(error.record, { cause: error.cause });
    this.ms = ms;
  }
}

/** What of an answer over HTTP tells for how long. */
interface Told {
  readonly headers: { readonly "retry-after"?: string | undefined; readonly date?: string | undefined };
}

/** For how many ms an answer asks to be left alone (RFC 9110, 10.2.3). A date is one of the clock of whoever wrote it. */
export function waitAsked({ headers }: Told): number | undefined {
  const { "retry-after": text, date } = headers;
  if (text === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text) * 1000;
  if (!/GMT\s*$/.test(text)) return undefined;
  const left = Date.parse(text) - (date === undefined ? Date.now() : Date.parse(date));
  return Number.isNaN(left) ? undefined : Math.max(0, left);
}

/** A refusal that says when to come back, where the answer does. */
export function waiting(error: MetalError, answered: Told): MetalError {
  const ms = waitAsked(answered);
  return ms === undefined ? error : new AskedToWait(error, ms);
}
