import { z } from "zod";
import { canonicalUuid } from "../identity.ts";

/** A MAC as most people write it, from any usual spelling; undefined for what is none. */
export function canonicalMac(text: string): string | undefined {
  if (!/^([0-9a-f]{2}[:-]?){5}[0-9a-f]{2}$/i.test(text)) return undefined;
  return text.toLowerCase().replace(/[:-]/g, "").match(/../g)?.join(":");
}

/**
 * One spelling for what is spelled in many: two servers that are one virtual machine are to be seen as such. Digits alone are a
 * name: machines are called by dates and numbers.
 */
export function oneSpelling(text: string): string {
  const known =
    text.length === 36 ? canonicalUuid(text) : text.length === 17 ? canonicalMac(text) : undefined;
  return known ?? text;
}

/** The field that says which of a hypervisor's machines is meant. */
export const machineName = (description: string) =>
  z
    .string()
    .regex(/^\S(.*\S)?$/, "must not be empty, nor begin or end with a blank")
    .refine((text) => !/\p{Cc}/u.test(text), "must not hold control characters")
    .transform(oneSpelling)
    .meta({ description, change: "in-place" });
