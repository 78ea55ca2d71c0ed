import { type Fault, faultIf, type Rule } from "../../../kernel/rules.ts";
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
/** Settings, as far as the rules look at them. */
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

/** What the words of a boot target are like. */
const someTarget = { device: "network", persistent: "true", mode: "uefi" } as const;

const switching = ["on", "off", "state", "softOff", "setBoot"] as const;

/** What a webhook's fields say of each other, beyond what each is. */
export const webhookRules: readonly Rule<Given>[] = [
  ...switching.map((key) => ({
    reads: [key, "address", "user", "password", "headers"] as const,
    faults: (given: Given) => requestFaults(key, given),
  })),
  { reads: ["state"], faults: ({ state }) => stateFaults(state) },
  {
    reads: ["auth", "user", "password"],
    faults: ({ auth, user, password }) => [
      ...faultIf(auth !== "none" && user === undefined, "user", needed),
      ...faultIf(auth !== "none" && password === undefined, "password", needed),
    ],
  },
  {
    reads: ["auth", "user"],
    faults: ({ auth, user = "x" }) => [
      ...faultIf(
        auth !== "none" && user.includes(":"),
        "user",
        "must not hold a colon, which ends a user's name in HTTP",
      ),
      ...faultIf(
        auth === "digest" && !/^[\x20-\x7e]+$/.test(user),
        "user",
        "must be of ASCII letters, as it stands in a header",
      ),
    ],
  },
  {
    reads: ["headers"],
    faults: ({ headers = {} }) =>
      Object.entries(headers).flatMap(([name, value]) => headerFault(name, value) ?? []),
  },
];

const needed = "Required: `auth` sends it";

function requestFaults(key: (typeof switching)[number], given: Given): readonly Fault[] {
  const { [key]: request, address, user, password, headers = {} } = given;
  if (request === undefined) return [];
  const words: Words = {
    ...{ address, ...(user === undefined ? {} : { user }) },
    ...(password === undefined ? {} : { password }),
    ...(key === "setBoot" ? someTarget : {}),
  };
  return faultsOf(key, request, words, headerIn(headers, "content-type"));
}

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
