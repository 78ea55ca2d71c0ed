import type { Said } from "../../../services/https/exchange.ts";
import { masked } from "../program.ts";
import { challengeIn, meet } from "./digest.ts";
import type { Asked } from "./http.ts";
import type { Webhook } from "./settings.ts";

/** What `auth: "basic"` sends with each request. */
function basic({ auth, user = "", password = "" }: Webhook): string | undefined {
  if (auth !== "basic") return undefined;
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

/** Sends what is asked as somebody who may: with the login at once, or when a challenge for it came. */
export async function letIn(
  settings: Webhook,
  asked: Asked,
  send: (asked: Asked) => Promise<Said>,
): Promise<Said> {
  const first = basic(settings);
  const answered = await send(first === undefined ? asked : withLogin(asked, first));
  const { auth, user = "", password = "" } = settings;
  // Who refuses has done nothing: what was asked is sent once all the same.
  const challenge =
    auth === "digest" && answered.status === 401
      ? challengeIn(answered.headers["www-authenticate"] ?? "")
      : undefined;
  if (challenge === undefined) return answered;
  const { method, target } = asked;
  return send(withLogin(asked, meet(challenge, { method, path: target.path, user, password })));
}

const withLogin = (asked: Asked, authorization: string): Asked => ({
  ...asked,
  headers: { ...asked.headers, authorization },
});

/** Takes what was given in confidence out of what a service says, as it was written there. */
export function hiderOf(settings: Webhook): (text: string) => string {
  const { password = "", headers = {} } = settings;
  const percent = encodeURIComponent(Buffer.from(password).toString());
  const quoted = JSON.stringify(password).slice(1, -1);
  const login = basic(settings)?.split(" ")[1] ?? "";
  // A value such as `1` is no secret, and its letters are in many words.
  const values = Object.values(headers).flatMap((value) => [value, ...value.split(" ")]);
  const long = values.filter(({ length }) => length > 3);
  const secrets = [password, percent, quoted, login, ...long].sort((a, b) => b.length - a.length);
  return (text) => masked(secrets, text);
}
