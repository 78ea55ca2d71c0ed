import { isExpression, parsePath } from "./answer.ts";
import { bodyKind, fillBody, fillUrl, unknownIn, type Words } from "./template.ts";

interface Request {
  readonly url: string;
  readonly method?: string | undefined;
  readonly body?: string | undefined;
}
interface State extends Request {
  readonly path?: string | undefined;
  readonly on?: string | undefined;
  readonly off?: string | undefined;
}
interface Given {
  readonly address: string;
  readonly on: Request;
  readonly off: Request;
  readonly state: State;
  readonly softOff?: Request | undefined;
  readonly setBoot?: Request | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly auth: "none" | "basic" | "digest";
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What is wrong with requests, and where. */
export interface Fault {
  readonly path: readonly string[];
  readonly message: string;
}

/** What the words of a boot target are like. */
const someTarget = { device: "network", persistent: "true", mode: "uefi" } as const;

/** All that is wrong with the requests of a webhook beyond the kinds of its fields. */
export function checkWebhook(given: Given): readonly Fault[] {
  const { address, user, password, headers = {} } = given;
  const words: Words = {
    ...{ address, ...(user === undefined ? {} : { user }) },
    ...(password === undefined ? {} : { password }),
  };
  const requests = Object.entries({
    ...{ on: given.on, off: given.off, state: given.state, softOff: given.softOff, setBoot: given.setBoot },
  });
  return [
    ...requests.flatMap(([key, request]) => {
      const known = key === "setBoot" ? { ...words, ...someTarget } : words;
      return request === undefined ? [] : faultsOf(key, request, known, headerIn(headers, "content-type"));
    }),
    ...stateFaults(given.state),
    ...(given.auth !== "none" && user === undefined ? [needs("user")] : []),
    ...(given.auth !== "none" && password === undefined ? [needs("password")] : []),
    ...(user?.includes(":") && given.auth !== "none"
      ? [{ path: ["user"], message: "must not hold a colon, which ends a user's name in HTTP" }]
      : []),
    ...(user !== undefined && given.auth === "digest" && !/^[\x20-\x7e]+$/.test(user)
      ? [{ path: ["user"], message: "must be of ASCII letters, as it stands in a header" }]
      : []),
    ...Object.entries(headers).flatMap(([name, value]) => headerFault(name, value) ?? []),
  ];
}

const needs = (field: string): Fault => ({ path: [field], message: "Required: `auth` sends it" });

function faultsOf(key: string, request: Request, words: Words, contentType: string | undefined) {
  const { url, method, body } = request;
  const known = `known are ${Object.keys(words)
    .map((word) => `{${word}}`)
    .join(", ")}`;
  const strange = (field: "url" | "body"): readonly Fault[] =>
    unknownIn(request[field] ?? "", words).map((name) => ({
      path: [key, field],
      message: `{${name}} stands for nothing here; ${known}, as far as the settings have them`,
    }));
  const faults = [...strange("url"), ...strange("body")];
  if (fillUrl(url, words) === undefined) {
    const message =
      'Expected a URL without a login, as in "http://{address}/relay/0?turn=on"; an IPv6 address stands in brackets';
    faults.push({ path: [key, "url"], message });
  }
  if (body === undefined) return faults;
  if (method === "GET") faults.push({ path: [key, "body"], message: "A `GET` has none" });
  if (bodyKind(body, contentType) === "json" && !isJson(fillBody(body, "json", words))) {
    const message = 'Expected JSON, its words in quotation marks, as in {"id": "{address}"}';
    faults.push({ path: [key, "body"], message });
  }
  return faults;
}

function stateFaults({ path, on, off }: State): readonly Fault[] {
  const faults: Fault[] = [];
  if (path !== undefined && parsePath(path) === undefined) {
    const message = 'Expected a place in JSON, as in "relays[0].ison"';
    faults.push({ path: ["state", "path"], message });
  }
  for (const [key, source] of Object.entries({ on, off })) {
    if (source !== undefined && !isExpression(source)) {
      faults.push({ path: ["state", key], message: "Expected a regular expression" });
    }
    if (source === undefined && path === undefined) {
      const message = `Required: what in the answer says that the server is ${key}; or \`path\`, where that stands`;
      faults.push({ path: ["state", key], message });
    }
  }
  return faults;
}

/** Those that say how a request is carried are ours. */
const own = ["connection", "content-length", "transfer-encoding", "expect", "upgrade", "te", "trailer"];

function headerFault(name: string, value: string): Fault | undefined {
  const at = (message: string) => ({ path: ["headers", name], message });
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return at("Expected the name of a header");
  if (own.includes(name.toLowerCase())) return at("cannot be set");
  return /[^\t\x20-\x7e\x80-\xff]/.test(value) ? at("must be one line of Latin letters") : undefined;
}

/** Names of headers are the same in capitals. */
export const headerIn = (headers: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
