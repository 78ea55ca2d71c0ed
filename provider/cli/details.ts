import type { State } from "../site/site.ts";

type Entry = readonly [place: string, value: string];

/** All that a state tells, flat: one entry for each value, named by its place (`power.address`). Empty ones are dashes. */
export const detailsOf = (state: State): readonly Entry[] =>
  Object.entries(state).flatMap(([key, value]) => flat(value, key));

function flat(value: unknown, place: string): readonly Entry[] {
  if (Array.isArray(value) && !value.some(isObject)) return [[place, value.join(", ") || "-"]];
  if (!isObject(value)) return [[place, String(value ?? "") || "-"]];
  const inner = Object.entries(value).flatMap(([key, one]) =>
    flat(one, Array.isArray(value) ? `${place}[${key}]` : `${place}.${key}`),
  );
  return inner.length > 0 ? inner : [[place, "-"]];
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

/** The part of a digest by which people tell one from another. */
export const shortDigest = (digest: string): string => digest.replace(/^(\w+:[0-9a-f]{12})[0-9a-f]+$/, "$1");

/** A failure's first sentence: what happened, without the remedy. */
export const firstSentence = (text: string): string => /^.*?\.(?=\s|$)/s.exec(text)?.[0].slice(0, -1) ?? text;
