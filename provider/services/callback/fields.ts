/** The values of a posted form, and what each kind of them has to look like. */

/** A reason for the ramdisk's log. It never repeats what was sent: the body carries a key. */
export class Unfit extends Error {}

export type Fields = ReadonlyMap<string, string>;

export function need(fields: Fields, name: string): string {
  const value = fields.get(name);
  if (value === undefined) throw new Unfit(`parameter '${name}' is not defined`);
  return value;
}

export function integer(text: string, name: string, min: number, max: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new Unfit(`parameter '${name}' is not a whole number from ${min} to ${max}`);
  }
  return value;
}

export function readMac(text: string): string {
  const mac = text.trim().toLowerCase().replaceAll("-", ":");
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) throw new Unfit("parameter 'm' holds what is not a MAC");
  return mac;
}

export function oneOf<T extends string>(words: readonly T[], text: string, name: string): T {
  const found = words.find((word) => word === text);
  if (found === undefined) throw new Unfit(`parameter '${name}' is none of ${words.join(", ")}`);
  return found;
}

/** `key=value` pairs joined by tabs. */
export const pairsOf = (line: string): Fields =>
  new Map(
    line.split("\t").map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, Math.max(at, 0)), pair.slice(at + 1).trim()] as const;
    }),
  );
