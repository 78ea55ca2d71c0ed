/** What a template may name: `{address}`. */
export const words = ["address", "user", "password", "device", "persistent", "mode"] as const;
export type Words = Readonly<Partial<Record<(typeof words)[number], string>>>;

const placeholder = /\{([A-Za-z]+)\}/g;

/** What a template names that is not among these. */
export const unknownIn = (template: string, known: Words): readonly string[] =>
  [...template.matchAll(placeholder)].flatMap(([, name = ""]) => (name in known ? [] : [name]));

/** Where a URL goes. */
export interface Target {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/**
 * A URL with its words in their places, each written so that it stays one: in path and query percent-encoded, as host as it
 * is. Undefined where that is no address of HTTP; a login has a place of its own, which is not here.
 */
export function fillUrl(template: string, given: Words): Target | undefined {
  const [, scheme = "", authority = "", rest = ""] = /^(https?):\/\/([^/?]+)(.*)$/i.exec(template) ?? [];
  // No other word chooses the host: a site lets Nodes have it ask some hosts alone, and looks before it knows the others.
  const { address } = given;
  const place = fill(authority, address === undefined ? {} : { address }, (word) => word);
  if (!/^([\w.-]+|\[[\da-f:.]+\])(:\d{1,5})?$/i.test(place) || /[#\s\\]/.test(rest)) return undefined;
  const text = `${scheme}://${place}${fill(rest, given, percent)}`;
  if (!URL.canParse(text)) return undefined;
  const { hostname, port, pathname, search, protocol } = new URL(text);
  const secure = protocol === "https:";
  return {
    ...{ secure, host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || (secure ? 443 : 80)) },
    path: `${pathname}${search}`,
  };
}

/** How a body is written, by what it is said to be. */
export type BodyKind = "json" | "form" | "text";

/** Without a word on it, a body that begins as JSON does is that, and any other a form. */
export function bodyKind(body: string, contentType: string | undefined): BodyKind {
  const said = contentType?.toLowerCase() ?? (/^\s*[{[]/.test(body) ? "json" : "form");
  return said.includes("json") ? "json" : said.includes("form") ? "form" : "text";
}

/** A body with its words in their places: inside a text of JSON, as a value of a form, or as they are. */
export const fillBody = (template: string, kind: BodyKind, given: Words): string =>
  fill(template, given, kind === "json" ? quoted : kind === "form" ? percent : (word) => word);

const fill = (template: string, given: Words, write: (word: string) => string): string =>
  template.replace(placeholder, (whole, name: keyof Words) => {
    const word = given[name];
    return word === undefined ? whole : write(word);
  });

/** `encodeURIComponent` throws at half a surrogate pair; UTF-8 has a character for it. */
const percent = (word: string): string => encodeURIComponent(Buffer.from(word).toString());
const quoted = (word: string): string => JSON.stringify(word).slice(1, -1);
