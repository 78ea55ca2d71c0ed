/** A piece of program text among values: the name of a constant. */
export interface Code {
  readonly [text]: string;
}
const text = Symbol("program text");
export const code = (name: string): Code => ({ [text]: name });
const isCode = (value: unknown): value is Code =>
  typeof value === "object" && value !== null && text in value;

export type Value = string | number | boolean | Code | readonly Value[] | { readonly [key: string]: Value };

const width = 80;

/** A value as TypeScript, on one line where it fits behind what stands there already, else one property a line. */
export function literal(value: Value, indent = "", before = 0): string {
  if (isCode(value)) return value[text];
  if (typeof value !== "object") return JSON.stringify(value);
  const short = oneLine(value);
  if (indent.length + before + short.length <= width) return short;
  return spread(value, indent);
}

/** The same, with one property a line in any case. */
export function spread(value: object, indent = ""): string {
  const inner = `${indent}  `;
  const lines = Array.isArray(value)
    ? value.map((item: Value) => literal(item, inner, 1))
    : Object.entries(value as Readonly<Record<string, Value>>).map(([key, item]) =>
        property(key, item, (name) => literal(item, inner, name.length + 3)),
      );
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  return [open, ...lines.map((line) => `${inner}${line},`), `${indent}${close}`].join("\n");
}

function oneLine(value: Value): string {
  if (isCode(value)) return value[text];
  if (typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(oneLine).join(", ")}]`;
  const entries = Object.entries(value as Readonly<Record<string, Value>>);
  if (entries.length === 0) return "{}";
  return `{ ${entries.map(([key, item]) => property(key, item, () => oneLine(item))).join(", ")} }`;
}

/** `key: value`, or just the key where the constant has its name. */
function property(key: string, item: Value, written: (name: string) => string): string {
  if (isCode(item) && item[text] === key) return key;
  const name = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
  return `${name}: ${written(name)}`;
}
