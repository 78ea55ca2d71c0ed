import type { z } from "zod";
import { nearest } from "../kernel/spelling.ts";
import type { Shape } from "./shape.ts";
import { isWithin, type Path, toProperty } from "./unknown.ts";

/** What is at fault, and where. */
export interface Failure {
  /** `power.address`; empty for the whole. */
  readonly property: string;
  readonly reason: string;
}

type Raw = z.core.$ZodRawIssue;
type Issue = z.core.$ZodIssue;

/** Our words for what the schemas do not word themselves. Values are never repeated: they may be secrets. */
export function wording(issue: Raw): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      if (issue.input === undefined) return `Required: ${anA(issue.expected)}`;
      if (typeof issue.input === "number") return `Expected ${anA(issue.expected)}`;
      return `Expected ${anA(issue.expected)}, not ${anA(typeName(issue.input))}`;
    case "too_small":
      return `Expected ${issue.inclusive ? "at least" : "more than"} ${counted(issue.origin, issue.minimum)}`;
    case "too_big":
      return `Expected ${issue.inclusive ? "at most" : "less than"} ${counted(issue.origin, issue.maximum)}`;
    case "invalid_value":
      return `Expected ${oneOf(issue.values)}`;
    case "invalid_union":
      if (issue["discriminator"] === undefined) return undefined;
      return `Expected ${oneOf((issue["options"] as readonly unknown[] | undefined) ?? [])}`;
    case "invalid_key":
      return "Not a name that is possible here";
    default:
      return undefined;
  }
}

const typeName = (value: unknown) =>
  Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
const words: Readonly<Record<string, string>> = {
  int: "a whole number",
  record: "an object of names and values",
  object: "an object",
  array: "a list",
  null: "null",
};
const anA = (type: string) => words[type] ?? `a ${type}`;

function counted(origin: string, count: number | bigint): string {
  const thing = { array: "element", string: "character" }[origin];
  return thing === undefined ? `${count}` : `${count} ${thing}${count === 1 ? "" : "s"}`;
}

function oneOf(values: readonly unknown[]): string {
  const shown = values.map((value) => JSON.stringify(value));
  return shown.length === 1 ? `${shown[0]}` : `one of ${shown.join(", ")}`;
}

/** Failures as Pulumi shows them, one for each fault, without those that an unknown value alone causes. */
export function toFailures(
  issues: readonly Issue[],
  shape: Shape | undefined,
  unknown: readonly Path[],
  at: Path = [],
): readonly Failure[] {
  return issues.flatMap((issue) => {
    const path = [...at, ...issue.path];
    if (unknown.some((root) => isWithin(path, root))) return [];
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        property: toProperty([...path, key]),
        reason: stray(key, shape, path),
      }));
    }
    if (issue.code === "invalid_key") return keyFailure(issue, path);
    if (issue.code === "invalid_union" && issue.errors.length > 0)
      return unionFailures(issue.errors, shape, unknown, path);
    return [{ property: toProperty(path), reason: issue.message }];
  });
}

function keyFailure({ issues, message }: z.core.$ZodIssueInvalidKey, path: Path): readonly Failure[] {
  return [{ property: toProperty(path), reason: issues[0]?.message ?? message }];
}

/** Of several alternatives the one that was meant is the one that got furthest: its faults lie deepest. */
function unionFailures(
  errors: readonly (readonly Issue[])[],
  shape: Shape | undefined,
  unknown: readonly Path[],
  path: Path,
): readonly Failure[] {
  const options = errors.map((issues) => ({
    depth: Math.max(...issues.map((issue) => issue.path.length)),
    failures: toFailures(issues, shape, unknown, path),
  }));
  if (options.some(({ failures }) => failures.length === 0)) return [];
  const deepest = Math.max(...options.map(({ depth }) => depth));
  if (deepest > 0) return options.find(({ depth }) => depth === deepest)?.failures ?? [];
  const reasons = options.flatMap(({ failures }) => failures.map(({ reason }) => lower(reason)));
  return [{ property: toProperty(path), reason: `Expected ${[...new Set(reasons)].join(", or ")}` }];
}

const lower = (reason: string) => reason.replace(/^Expected /, "").replace(/, not an? .*$/, "");

function stray(key: string, shape: Shape | undefined, path: Path): string {
  const known = Object.entries(fieldsAt(shape, path))
    .filter(([, { computed }]) => computed !== true)
    .map(([name]) => name);
  const near = nearest(key, known);
  if (near !== undefined) return `There is no such field; did you mean ${near}?`;
  if (known.length === 0) return "There is no such field";
  return `There is no such field; known are ${known.join(", ")}`;
}

function fieldsAt(shape: Shape | undefined, [key, ...rest]: Path): Readonly<Record<string, Shape>> {
  if (!shape) return {};
  if (shape.options)
    return Object.assign(
      {},
      ...shape.options.map((option) => fieldsAt(option, key === undefined ? [] : [key, ...rest])),
    );
  if (key === undefined) return shape.fields ?? {};
  return fieldsAt(shape.item ?? shape.fields?.[String(key)], rest);
}
