import { z } from "zod";

/** A field that holds the SHA-256 of a certificate, as people write it; `told` says where to read it. */
export const fingerprintField = (told?: string) =>
  z.string().transform((text, ctx) => {
    const known = fingerprintOf(text);
    if (known !== undefined) return known;
    const expected = "Expected the SHA-256 of a certificate, 64 hexadecimal digits";
    ctx.addIssue({ code: "custom", message: told === undefined ? expected : `${expected}, ${told}` });
    return z.NEVER;
  });

/** A fingerprint in the form that is compared, `AB:CD:…`; undefined for what is none. */
function fingerprintOf(text: string): string | undefined {
  const digits = text
    .replace(/^sha-?256[:=]/i, "")
    .replaceAll(":", "")
    .toUpperCase();
  return /^[0-9A-F]{64}$/.test(digits) ? digits.replace(/(..)(?!$)/g, "$1:") : undefined;
}
