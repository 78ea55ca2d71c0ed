import type { ControllerIdentity } from "./driver.ts";

// What vendors leave in the place of a serial number, seen in DMI and FRU data of sold machines.
const placeholders = new Set(
  [
    "none null n/a na nil unknown undefined invalid empty blank default oem test 0123456789 123456789 1234567890",
    "default string|not specified|not available|not applicable|not present|system serial number|serial number",
    "to be filled by o.e.m.|to be filled by oem|chassis serial number|base board serial number|product serial",
    "o.e.m.|system manufacturer|system product name|no enclosure|unspecified|sernum|filled by o.e.m.",
  ].flatMap((line) => line.split(line.includes("|") ? "|" : " ")),
);

const placeholderUuids = new Set([
  "03000200-0400-0500-0006-000700080009",
  "00020003-0004-0005-0006-000700080009",
  "12345678-1234-5678-90ab-cddeefaabbcc",
  "01234567-89ab-cdef-0123-456789abcdef",
]);

/** The value without surrounding blanks; undefined when it is blank or one that vendors put where they know nothing. */
export function realValue(value: string | undefined): string | undefined {
  const text = value?.replaceAll("\0", "").trim() ?? "";
  // One character over and over ("0000000", "xxxxxx", "......") identifies nothing.
  const meaningless = /^[\W_]*$/.test(text) || /^(.)\1*$/i.test(text) || placeholders.has(text.toLowerCase());
  return meaningless ? undefined : text;
}

/** Lower-case with dashes, from any usual spelling; undefined for what is no UUID or a placeholder of one. */
export function canonicalUuid(value: string | undefined): string | undefined {
  const digits = value?.toLowerCase().replace(/[^0-9a-z]/g, "") ?? "";
  if (!/^[0-9a-f]{32}$/.test(digits) || /^(.)\1*$/.test(digits)) return undefined;
  const uuid = dashed(digits);
  return placeholderUuids.has(uuid) ? undefined : uuid;
}

/**
 * Whether two canonical UUIDs name one machine. The same sixteen bytes are shown in three orders: as they stand
 * (RFC 4122), first three fields swapped (SMBIOS), all reversed (IPMI); which one a controller took is anybody's guess.
 */
export function sameUuid(one: string, other: string): boolean {
  const plain = one.replaceAll("-", "");
  const reversed = reverseBytes(plain);
  return [plain, swapFields(plain), reversed, swapFields(reversed)].includes(other.replaceAll("-", ""));
}

/** What tells that two identities are not of one machine. */
export interface Difference {
  readonly what: string;
  readonly expected: string;
  readonly seen: string;
}

/** Compare what both sides know: the first difference, "same", or "unknown" when they share no known field. */
export function compareIdentity(
  expected: ControllerIdentity,
  seen: ControllerIdentity,
): Difference | "same" | "unknown" {
  const facts = [
    compare("serial number", realValue(expected.serial), realValue(seen.serial), sameText),
    compare("product UUID", canonicalUuid(expected.productUuid), canonicalUuid(seen.productUuid), sameUuid),
    compare("GUID", canonicalUuid(expected.guid), canonicalUuid(seen.guid), sameUuid),
    compare("MAC", listOf(expected.macs), listOf(seen.macs), shareOne),
  ];
  return facts.find((fact) => typeof fact === "object") ?? (facts.includes("same") ? "same" : "unknown");
}

function compare(
  what: string,
  expected: string | undefined,
  seen: string | undefined,
  equal: (one: string, other: string) => boolean,
): Difference | "same" | "unknown" {
  if (expected === undefined || seen === undefined) return "unknown";
  return equal(expected, seen) ? "same" : { what, expected, seen };
}

const sameText = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();
const listOf = (macs: readonly string[] | undefined) =>
  macs?.length ? macs.join(" ").toLowerCase() : undefined;
const shareOne = (one: string, other: string) => one.split(" ").some((mac) => other.split(" ").includes(mac));

const bytesOf = (digits: string) => digits.match(/../g) ?? [];
const reverseBytes = (digits: string) => bytesOf(digits).reverse().join("");
const swapFields = (digits: string) =>
  reverseBytes(digits.slice(0, 8)) +
  reverseBytes(digits.slice(8, 12)) +
  reverseBytes(digits.slice(12, 16)) +
  digits.slice(16);
const dashed = (digits: string) => digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
