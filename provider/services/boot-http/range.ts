/** A piece of a file, both ends of it included. */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

/**
 * The one piece that a `Range` asks for (RFC 9110, section 14): controllers read an image of a CD as their server does. "none" is past
 * the end; undefined, for several pieces or what makes no sense, is the whole.
 */
export function pieceOf(range: string | undefined, size: number): Piece | "none" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "none" : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (last !== "" && Number(last) < start) return undefined;
  return start >= size ? "none" : { start, end };
}
