import { z } from "zod";
import { type Duration, durationPattern, type Size, sizePattern } from "../kernel/units.ts";
import type { Kind } from "./resource.ts";

/** Field types that several resources share. Each says in its message what was expected, with an example. */

export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/,
    "Expected a name of letters, digits, dots, dashes and underscores, at most 63, starting with a letter or digit",
  )
  .optional()
  .meta({
    description: "Name, unique in the site; it is also the resource's id. Default: the logical name.",
    change: "refused",
  });

/** "Expected …", or "Required: …" where nothing was given. */
const expects =
  (what: string) =>
  ({ input }: { readonly input?: unknown }) =>
    input === undefined ? `Required: ${what}` : `Expected ${what}`;

export const size = z
  .custom<Size>((value) => typeof value === "string" && sizePattern.test(value), {
    error: expects('a number and a unit, as in "64 GiB" or "480 GB"'),
    abort: false,
  })
  .meta({ unit: "Size" });

export const duration = z
  .custom<Duration>((value) => typeof value === "string" && durationPattern.test(value), {
    error: expects('a number and a unit, as in "90 seconds" or "30 minutes"'),
    abort: false,
  })
  .meta({ unit: "Duration" });

/** The name of another resource; the SDK passes it on from the resource itself. */
export function reference(kind: Kind) {
  const error = expects(`${/^[AEIOU]/.test(kind) ? "an" : "a"} ${kind} or its name`);
  return z.string({ error }).min(1, { error }).meta({ reference: kind });
}

export const capabilities = z.record(
  z.string().regex(/^[\w.:-]+$/, "Expected a capability name of letters, digits, dots, colons and dashes"),
  z.string(),
);

export const checksum = z
  .string()
  .regex(
    /^(sha256:[0-9a-fA-F]{64}|sha512:[0-9a-fA-F]{128})$/,
    'Expected "sha256:" and 64, or "sha512:" and 128 hexadecimal digits',
  )
  .transform((text) => text.toLowerCase());

export const location = z
  .string()
  .min(1)
  .refine((text) => !/^[a-z][a-z0-9+.-]+:/i.test(text) || /^(https?:\/\/|file:\/\/\/|site:\/)/i.test(text), {
    error:
      "Expected a path of the host where the program runs, `site:` and an absolute path of the site's own host, or an http or https address",
  });

/** Whether what is fetched there can be altered on the way. Bears values of any type. */
export const isPlainHttp = (source: unknown): boolean => typeof source === "string" && /^http:/i.test(source);

/** The path of a location that is on the site's own host, wherever the program runs: `site:/srv/images/x.qcow2`. */
export const siteFile = (location: string): string | undefined => /^site:(.*)$/is.exec(location)?.[1];

/** Whether a location is a file of the host where the program runs. */
export const isOfProgram = (location: string): boolean =>
  !/^https?:/i.test(location) && siteFile(location) === undefined;

const compact = /^[0-9a-f]{12}$/;

/** Lower-case with colons, from colons, dashes, Cisco's dots or nothing between the digits; undefined if it is no MAC. */
export function canonicalMac(text: string): string | undefined {
  const lower = text.trim().toLowerCase();
  const shapes = [
    /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/,
    /^([0-9a-f]{2}-){5}[0-9a-f]{2}$/,
    /^([0-9a-f]{4}\.){2}[0-9a-f]{4}$/,
    compact,
  ];
  if (!shapes.some((shape) => shape.test(lower))) return undefined;
  return lower.replace(/[^0-9a-f]/g, "").replace(/(..)(?=.)/g, "$1:");
}

/** The same in one expression, for who cannot run the rest: a unicast address in one of these shapes. */
const macPattern =
  "^[0-9A-Fa-f][02468ACEace]((:[0-9A-Fa-f]{2}){5}|(-[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}([.][0-9A-Fa-f]{4}){2}|[0-9A-Fa-f]{10})$";

export const mac = z
  .string()
  .meta({ pattern: macPattern })
  .transform((text, ctx) => {
    const canonical = canonicalMac(text);
    const multicast = canonical !== undefined && (Number.parseInt(canonical.slice(0, 2), 16) & 1) === 1;
    if (canonical !== undefined && !multicast && canonical !== "00:00:00:00:00:00") return canonical;
    ctx.addIssue({
      code: "custom",
      message: canonical
        ? `${text} is a group or null address; a network card has a unicast one`
        : 'Expected a MAC address of 12 hexadecimal digits, as in "52:54:00:12:34:56"',
    });
    return z.NEVER;
  });

export const ipv4 = z.ipv4({ error: 'Expected an IPv4 address, as in "10.0.0.17"' });

/** What a refresh found and no other property can show; the next update mends what can be mended without erasing. */
export const drift = z.array(z.string()).default([]).meta({
  description: "What a refresh found that differs from what was made, in words; the next update mends it.",
  change: "in-place",
  computed: true,
});
