import { z } from "zod";

/** What a token's bearer may do, and to whose things: pure decisions. */

/** Each may what those before it may. */
export const scopes = ["read", "power", "deploy", "admin"] as const;
export const Scope = z.enum(scopes);
export type Scope = z.output<typeof Scope>;

export interface Bearer {
  /** The token's name. */
  readonly name: string;
  /** Whose things: `project/stack` of any organisation, or `organisation/project/stack`; `*` stands for any letters. */
  readonly owner: string;
  readonly scope: Scope;
  /** ISO 8601; absent: it is good until it is removed. */
  readonly expires?: string;
}

/** Whether it is worthless by now. */
export const hasExpired = ({ expires }: Pick<Bearer, "expires">, now: number): boolean =>
  expires !== undefined && Date.parse(expires) <= now;

/** Of a token: it stands in the audit log. */
export const tokenName = z
  .string()
  .regex(/^[\w.-]{1,63}$/, "Expected a name of letters, digits, dots, dashes and underscores, at most 63");

export const ownerPattern = z
  .string()
  .regex(
    /^[\w.*-]+\/[\w.*-]+(\/[\w.*-]+)?$/,
    'Expected PROJECT/STACK or ORGANISATION/PROJECT/STACK, with `*` for any letters, as in "shop/*"',
  );

/** The pattern of everybody. */
export const anyOwner = "*/*";

export const includes = (scope: Scope, needed: Scope): boolean =>
  scopes.indexOf(scope) >= scopes.indexOf(needed);

/** Whether an owner, `organisation/project/stack`, is one of the pattern's. */
export function owns(pattern: string, owner: string): boolean {
  const wanted = pattern.split("/");
  const parts = owner.split("/");
  if (parts.length !== 3) return false;
  return wanted.every((part, index) => matches(part, parts[index + 3 - wanted.length] ?? ""));
}

/** No regular expression: whoever writes a pattern does not choose how long it takes. */
function matches(pattern: string, text: string): boolean {
  const [head = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return pattern === text;
  const tail = rest.pop() ?? "";
  if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
  let at = head.length;
  const end = text.length - tail.length;
  return rest.every((piece) => {
    const found = text.indexOf(piece, at);
    at = found + piece.length;
    return found >= 0 && at <= end;
  });
}
