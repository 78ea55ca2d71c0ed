/**
 * The language of root device hints: Ironic's names and operators (ironic-lib's utils.py, oslo.utils' specs_matcher.py),
 * with units for sizes beside it. Pure. The ramdisk judges by the same rules before the first byte
 * (services/ramdisk/assets/choose.awk); test/fixtures/hints.ts holds the cases that both must answer alike.
 */
import type { DiskState } from "./disks.ts";

/** What a ramdisk tells of a disk, as far as hints can ask for it. */
export type Candidate = Omit<DiskState, "holds">;

const textHints = [
  ...["serial", "wwn", "wwnWithExtension", "wwnVendorExtension", "model"],
  ...["vendor", "hctl", "byPath", "name"],
] as const;
type TextHint = (typeof textHints)[number];
export type Hints = { readonly [K in TextHint | "size"]?: string | undefined } & {
  readonly rotational?: boolean | undefined;
};

// Longest first: "<" would eat the beginning of "<=" and "<in>".
const operator = /^(<all-in>|<range-in>|<in>|<or>|s==|s!=|s<=|s>=|s<|s>|==|!=|<=|>=|<|>|=)/;
const textOperators = ["s==", "==", "s!=", "!=", "s<=", "s>=", "s<", "s>", "<in>", "<or>", "<all-in>"];
const sizeOperators = ["==", "!=", "=", ">=", "<=", ">", "<", "<or>", "<range-in>"];

interface Wanted {
  /** Empty where none was given: equality. */
  readonly op: string;
  /** As written; one but for <or> and <all-in>. */
  readonly values: readonly string[];
}

function read(text: string): Wanted {
  const trimmed = text.trim();
  const op = operator.exec(trimmed)?.[1] ?? "";
  const rest = trimmed.slice(op.length).trim();
  if (op === "<or>") return { op, values: rest.split("<or>").map((value) => value.trim()) };
  return { op, values: op === "<all-in>" ? rest.split(/\s+/) : [rest] };
}

/** What is wrong with a hint, in words that say what was expected; undefined if it is understood. */
export function hintFault(key: TextHint | "size", text: string): string | undefined {
  if (/[^ -~]/.test(text)) return "Expected printable ASCII: disks tell nothing else";
  const { op, values } = read(text);
  const known = key === "size" ? sizeOperators : textOperators;
  if (op !== "" && !known.includes(op)) {
    const what = key === "size" ? "a size" : "a text";
    return `Expected an operator that fits ${what}, not "${op}": ${known.join(", ")}`;
  }
  const strange = values
    .map((value) => /^s?[=!<>~]+|<(in|or|all-in|range-in)>/i.exec(value)?.[0])
    .find((found) => found);
  if (strange !== undefined)
    return `Expected one operator at the start, of ${known.join(", ")}; seen "${strange}"`;
  if (values.some((value) => (key === "size" ? value : tidy(key, value)) === ""))
    return "Expected a value, or an operator and a value";
  if (key === "size") return sizeFault(op, values);
  if (key === "hctl" && ["", "s==", "=="].includes(op) && !/^\d+:\d+:\d+:\d+$/.test(values[0] ?? ""))
    return 'Expected host, channel, target and LUN, as in "0:0:0:0"';
  if (key.startsWith("wwn") && values.some((value) => !/^[\w.:-]+$/.test(value)))
    return 'Expected a World Wide Name, as in "0x5000c500a1b2c3d4" or "eui.0025385171b0c3d4"';
  return undefined;
}

function sizeFault(op: string, values: readonly string[]): string | undefined {
  if (op === "<range-in>") {
    const range = rangeOf(values[0] ?? "");
    if (range === undefined || range.low.bytes > range.high.bytes)
      return 'Expected two sizes in brackets, the smaller one first, as in "<range-in> [ 400 GB 1 TB )"';
    return undefined;
  }
  const amounts = values.map(amountOf);
  return amounts.every((amount) => amount !== undefined && amount.digits > 0)
    ? undefined
    : 'Expected a size in GiB or with a unit, as in ">= 400", "480 GB" or "<or> 480 GB <or> 960 GB"';
}

const units: Readonly<Record<string, number>> = {
  ...{ "": 2 ** 30, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 },
  ...{ KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 },
};

interface Amount {
  readonly bytes: number;
  /** The number without its point, what it counts in, and whether it named a unit. */
  readonly digits: number;
  readonly step: number;
  readonly named: boolean;
}

function amountOf(text: string): Amount | undefined {
  const [, whole, fraction = "", unit = ""] = /^(\d+)(?:\.(\d{1,3}))? *([A-Za-z]*)$/.exec(text) ?? [];
  const factor = units[unit];
  if (whole === undefined || factor === undefined) return undefined;
  const digits = Number(whole + fraction);
  if (!Number.isSafeInteger(digits)) return undefined;
  const step = factor / 10 ** fraction.length;
  return { bytes: digits * step, digits, step, named: unit !== "" };
}

function rangeOf(text: string) {
  const [, open, inner = "", close] = /^([[(]) *(.*?) *([\])])$/.exec(text) ?? [];
  const first = /^[0-9.]+ *[A-Za-z]*/.exec(inner)?.[0] ?? "";
  const [low, high] = [amountOf(first.trim()), amountOf(inner.slice(first.length).trim())];
  if (open === undefined || low === undefined || high === undefined) return undefined;
  return { low, high, withLow: open === "[", withHigh: close === "]" };
}

type Order = (is: number | string, want: number | string) => boolean;
const orders: Readonly<Record<string, Order>> = {
  "==": (is, want) => is === want,
  "!=": (is, want) => is !== want,
  ">=": (is, want) => is >= want,
  "<=": (is, want) => is <= want,
  ">": (is, want) => is > want,
  "<": (is, want) => is < want,
};

function meetsSize(size: number, { op, values }: Wanted): boolean {
  if (op === "<range-in>") {
    const range = rangeOf(values[0] ?? "");
    if (range === undefined) return false;
    const { low, high, withLow, withHigh } = range;
    const above = withLow ? size >= low.bytes : size > low.bytes;
    return above && (withHigh ? size <= high.bytes : size < high.bytes);
  }
  // "=" means "at least", for the same legacy reason as in specs_matcher.
  const name = op === "" || op === "<or>" ? "==" : op === "=" ? ">=" : op;
  return values.map(amountOf).some((want) => {
    if (want === undefined) return false;
    // A disk is never exactly as large as its label: what is counted are whole steps, as Ironic counts whole GiB.
    const counted = !want.named || name === "==" || name === "!=";
    const [is, to] = counted ? [Math.floor(size / want.step), want.digits] : [size, want.bytes];
    return orders[name]?.(is, to) ?? false;
  });
}

function meetsText(key: TextHint, disk: Candidate, { op, values }: Wanted): boolean {
  const is = wordsOf(key, disk)
    .map((word) => tidy(key, word))
    .filter((word) => word !== "");
  // What a disk does not tell meets nothing, not even "is not": as in Ironic.
  if (is.length === 0) return false;
  const want = values.map((value) => tidy(key, value));
  const [first = ""] = want;
  if (op === "<in>") return is.some((word) => word.includes(first));
  if (op === "<all-in>") return is.some((word) => want.every((part) => word.includes(part)));
  if (op === "s!=" || op === "!=") return !is.includes(first);
  if (op === "" || op === "<or>") return want.some((word) => is.includes(word));
  return is.some((word) => orders[op.replace(/^s/, "")]?.(word, first));
}

/** What a disk answers to a hint's name; any of them counts. */
function wordsOf(key: TextHint, disk: Candidate): readonly string[] {
  const { wwn, name, byId, byPath } = disk;
  const hex = bare(wwn);
  // NAA type 6: sixteen digits of the vendor and sixteen more of its own (SPC-5, 7.7.5.6.5).
  const [head, extension] = /^6[0-9a-f]{31}$/.test(hex) ? [hex.slice(0, 16), hex.slice(16)] : ["", ""];
  switch (key) {
    case "wwn":
      return [wwn, head];
    case "wwnWithExtension":
      return [wwn];
    case "wwnVendorExtension":
      return [extension];
    case "name":
      return [name, byId, byPath, wwn && `wwn-${wwn}`];
    default:
      return [disk[key]];
  }
}

function squeeze(text: string): string {
  return text
    .toLowerCase()
    .replace(/[ _\t]+/g, " ")
    .replace(/^ | $/g, "");
}

/** A World Wide Name without the letters before it, which are another's in each place where one can read it. */
const bare = (text: string) =>
  squeeze(text)
    .replace(/^(wwn-|nvme-)?(0x|naa\.|eui\.)?/, "")
    .replaceAll(":", "");

/** udev writes blanks of a name as underscores, and people copy names with their folder. */
const tidy = (key: TextHint, text: string) =>
  key.startsWith("wwn") ? bare(text) : squeeze(text.replace(/^\/dev\/(disk\/by-(path|id)\/)?/, ""));

const shown = (key: keyof Hints, disk: Candidate): string => {
  if (key === "size") return `${(disk.size / 2 ** 30).toFixed(1)} GiB`;
  if (key === "rotational") return String(disk.rotational);
  const word =
    key === "wwnVendorExtension" ? wordsOf(key, disk)[0] : disk[key === "wwnWithExtension" ? "wwn" : key];
  return word || "unknown";
};

/** Why a disk is not the one that is meant, in words; empty if it qualifies and meets every hint. */
export function rejection(hints: Hints, disk: Candidate): string {
  if (disk.unfit !== "") return disk.unfit;
  const unmet = hintsOf(hints).find(([key, value]) => {
    if (key === "rotational") return disk.rotational !== value;
    return !(key === "size"
      ? meetsSize(disk.size, read(String(value)))
      : meetsText(key, disk, read(String(value))));
  });
  return unmet === undefined ? "" : `${unmet[0]} is ${shown(unmet[0], disk)}, not ${unmet[1]}`;
}

/** The hints that are given. */
const hintsOf = (hints: Hints): readonly [keyof Hints, string | boolean][] =>
  Object.entries(hints).filter((entry): entry is [keyof Hints, string | boolean] => entry[1] !== undefined);
