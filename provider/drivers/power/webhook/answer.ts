import { Script } from "node:vm";

/** How an answer says what is: where in its JSON, and by which expressions. */
export interface Reading {
  /** `relays[0].ison`; without it the whole text is looked at. */
  readonly path?: string | undefined;
  readonly on?: string | undefined;
  readonly off?: string | undefined;
}

/** What devices say where nobody says otherwise. */
const usual = { on: "on|true|1", off: "off|false|0" } as const;

/** The state that an answer tells; undefined where it tells none, or both. */
export function stateIn(text: string, { path, on = usual.on, off = usual.off }: Reading) {
  const looked = path === undefined ? text : valueAt(text, path);
  if (looked === undefined) return undefined;
  const says = (source: string) => matches(path === undefined ? source : `^(?:${source})$`, looked);
  const [isOn, isOff] = [says(on), says(off)];
  return isOn === isOff ? undefined : isOn ? "on" : "off";
}

const member = /^(?:\.?([A-Za-z_$][\w$:-]*)|\[(\d{1,9})\]|\["([^"]*)"\]|\['([^']*)'\])/;

/** The names on the way of a path, as `$.relays[0]["is on"]` or without the root's `$`; undefined for what is no path. */
export function parsePath(path: string): readonly string[] | undefined {
  const names: string[] = [];
  for (let rest = path.replace(/^\$(?=[.[]|$)/, ""); rest !== ""; ) {
    const [found, name, index, double, single] = member.exec(rest) ?? [];
    if (found === undefined) return undefined;
    names.push(name ?? index ?? double ?? single ?? "");
    rest = rest.slice(found.length);
  }
  return names.length > 0 ? names : undefined;
}

/** The scalar at a place of a JSON text, as a text. */
function valueAt(text: string, path: string): string | undefined {
  let at: unknown;
  try {
    at = JSON.parse(text);
  } catch {
    return undefined;
  }
  for (const name of parsePath(path) ?? []) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return ["string", "number", "boolean"].includes(typeof at) ? String(at) : undefined;
}

const test = new Script("new RegExp(source, 'i').test(text)");
/** What an expression may take, in ms: one that goes back and forth for ever would hold up the whole site. */
const patience = 200;

function matches(source: string, text: string): boolean {
  try {
    return test.runInNewContext({ source, text }, { timeout: patience }) === true;
  } catch {
    return false;
  }
}

/** Whether it is an expression at all. */
export function isExpression(source: string): boolean {
  try {
    return new RegExp(source, "i") instanceof RegExp;
  } catch {
    return false;
  }
}
