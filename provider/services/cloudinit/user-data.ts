import { LineCounter, parseAllDocuments } from "yaml";

/** What user data can be; the names are cloud-init's ("User-data formats" of its documentation), and Ignition's. */
export type UserDataKind = "cloud-config" | "script" | "multipart" | "ignition" | "other";

export interface UserData {
  readonly kind: UserDataKind;
  /** Why it is not what it says to be. Never in words of its content: that may be secret. */
  readonly fault?: string;
  /** Of a cloud-config: the names at its top. */
  readonly keys: readonly string[];
}

/** Headers that cloud-init knows beside those of which we can say more. */
const others = ["#include", "#cloud-boothook", "#part-handler", "## template: jinja"] as const;

/** What user data is, by its first line, and whether it holds what that line says; undefined where nothing is known by it. */
export function lookAtUserData(text: string): UserData | undefined {
  const first = text.split("\n", 1)[0]?.trimEnd() ?? "";
  if (first.startsWith("#!")) return { kind: "script", keys: [], ...faultOf(scriptFault(text)) };
  if (first === "#cloud-config") return cloudConfig(text);
  if (first === "#cloud-config-archive") return { kind: "other", keys: [], ...faultOf(yamlFault(text)) };
  if (/^(?:content-type|mime-version):/i.test(first))
    return { kind: "multipart", keys: [], ...faultOf(mimeFault(text)) };
  if (first.startsWith("{")) return { kind: "ignition", keys: [], ...faultOf(ignitionFault(text)) };
  return others.some((header) => first.startsWith(header)) ? { kind: "other", keys: [] } : undefined;
}

const faultOf = (fault: string | undefined) => (fault === undefined ? {} : { fault });

const scriptFault = (text: string): string | undefined =>
  /^#![^\n]*\r\n/.test(text) ? "its first line ends in CR LF, and no interpreter has such a name" : undefined;

function cloudConfig(text: string): UserData {
  const fault = yamlFault(text);
  const keys: readonly string[] = [];
  if (fault !== undefined) return { kind: "cloud-config", keys, fault };
  try {
    const value: unknown = documentsOf(text).documents[0]?.toJS() ?? {};
    if (typeof value === "object" && !Array.isArray(value))
      return { kind: "cloud-config", keys: Object.keys(value as object) };
  } catch {
    return { kind: "cloud-config", keys, fault: "an alias in it names no anchor, or stands for too much" };
  }
  return {
    kind: "cloud-config",
    keys,
    fault: "a cloud-config has names with values at its top (a YAML mapping)",
  };
}

// As cloud-init reads it, and without the parser's own pictures of the place: they repeat the text.
function documentsOf(text: string) {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { version: "1.1", prettyErrors: false, lineCounter: lines });
  return { documents: Array.isArray(documents) ? documents : [], lines };
}

function yamlFault(text: string): string | undefined {
  const { documents, lines } = documentsOf(text);
  const [error] = documents.flatMap(({ errors }) => errors);
  if (error === undefined) return documents.length > 1 ? "it holds more than one YAML document" : undefined;
  const { line, col } = lines.linePos(error.pos[0]);
  const why = reasons[error.code] === undefined ? "" : `: ${reasons[error.code]}`;
  return `it is no YAML at line ${line}, column ${col}${why}`;
}

const reasons: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: "a name stands there twice",
  TAB_AS_INDENT: "a tab indents, where only blanks may",
  BAD_INDENT: "the indentation does not fit",
  MULTILINE_IMPLICIT_KEY: "a name goes over more than one line",
};

function mimeFault(text: string): string | undefined {
  const head = text.split(/\r?\n\r?\n/, 1)[0] ?? "";
  const [, quoted, bare] = /boundary=(?:"([^"\r\n]+)"|([^\s;"]+))/i.exec(head) ?? [];
  const boundary = quoted ?? bare;
  if (!/^content-type:\s*multipart\//im.test(head)) return "its head names no multipart type";
  if (boundary === undefined) return "its head names no boundary";
  const lines = text.split(/\r?\n/).map((line) => line.trimEnd());
  if (!lines.includes(`--${boundary}`)) return "no part begins with its boundary";
  return lines.includes(`--${boundary}--`) ? undefined : "the closing boundary is missing: it was cut off";
}

function ignitionFault(text: string): string | undefined {
  let value: { readonly ignition?: { readonly version?: unknown } } | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch {
    return "it begins like JSON and is none";
  }
  const version = value?.ignition?.version;
  const known = typeof version === "string" && /^[23]\.\d+\.\d+$/.test(version);
  return known ? undefined : "it is JSON without an `ignition.version` of 2 or 3";
}
