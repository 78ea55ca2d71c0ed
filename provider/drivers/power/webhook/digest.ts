import { createHash, randomBytes } from "node:crypto";

/** What a server wants a password to be mixed with (RFC 7616). */
export interface Challenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque?: string | undefined;
  readonly algorithm: Algorithm;
  /** As it was written; none of a server of 1997. */
  readonly named?: string | undefined;
  readonly qop: boolean;
}
const algorithms = { "SHA-256": "sha256", MD5: "md5" } as const;
type Algorithm = keyof typeof algorithms;

const parameter = /([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/y;

/** The best challenge of a `www-authenticate` that we can meet: its strongest algorithm. */
export function challengeIn(header: string): Challenge | undefined {
  const found = header
    .split(/(?:^|,)\s*Digest\s+/i)
    .slice(1)
    .flatMap((text) => parse(text) ?? []);
  return found.find(({ algorithm }) => algorithm === "SHA-256") ?? found[0];
}

function parse(text: string): Challenge | undefined {
  const fields = new Map<string, string>();
  for (parameter.lastIndex = 0; ; ) {
    const [, name, quoted, plain = ""] = parameter.exec(text) ?? [];
    if (name === undefined) break;
    fields.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? plain);
    const at = parameter.lastIndex;
    const comma = /\s*,\s*/y;
    comma.lastIndex = at;
    if (!comma.test(text)) break;
    parameter.lastIndex = comma.lastIndex;
  }
  const [realm, nonce, named] = ["realm", "nonce", "algorithm"].map((name) => fields.get(name));
  const algorithm = named === undefined ? "MD5" : named.toUpperCase();
  const qops = fields
    .get("qop")
    ?.split(",")
    .map((one) => one.trim().toLowerCase());
  if (realm === undefined || nonce === undefined || !isKnown(algorithm)) return undefined;
  if (qops && !qops.includes("auth")) return undefined;
  return { realm, nonce, opaque: fields.get("opaque"), algorithm, named, qop: qops !== undefined };
}

const isKnown = (algorithm: string): algorithm is Algorithm => Object.hasOwn(algorithms, algorithm);

/** A request that is to be let in, and by whom. */
export interface Entry {
  readonly method: string;
  /** With its query, as it is asked for. */
  readonly path: string;
  readonly user: string;
  readonly password: string;
}

/** The `authorization` that meets a challenge, once. */
export function meet(
  { realm, nonce, opaque, algorithm, named, qop }: Challenge,
  { method, path, user, password }: Entry,
  cnonce = randomBytes(16).toString("hex"),
): string {
  const hash = (text: string) => createHash(algorithms[algorithm]).update(text).digest("hex");
  const count = "00000001";
  const [secret, what] = [hash(`${user}:${realm}:${password}`), hash(`${method}:${path}`)];
  const mixed = qop ? `${nonce}:${count}:${cnonce}:auth` : nonce;
  const response = hash(`${secret}:${mixed}:${what}`);
  const quoted = {
    username: user,
    realm,
    nonce,
    uri: path,
    response,
    ...(opaque === undefined ? {} : { opaque }),
  };
  return `Digest ${[
    ...Object.entries(quoted).map(([name, text]) => `${name}="${text.replace(/["\\]/g, "\\$&")}"`),
    ...(named === undefined ? [] : [`algorithm=${named}`]),
    ...(qop ? ["qop=auth", `nc=${count}`, `cnonce="${cnonce}"`] : []),
  ].join(", ")}`;
}
