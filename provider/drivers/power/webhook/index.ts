import type { Context } from "../../../kernel/context.ts";
import { hasCode } from "../../../kernel/errors.ts";
import { type BootTarget, definePower, type Lent, type PowerDriver } from "../driver.ts";
import { powerErrors } from "../errors.ts";
import { guardLogin } from "../login.ts";
import { controllerName } from "../name.ts";
import { stateIn } from "./answer.ts";
import { headerIn } from "./faults.ts";
import type { Asked } from "./http.ts";
import { hiderOf, letIn } from "./login.ts";
import { oneLine, troubleOf } from "./reply.ts";
import { openPlaces, placesOf, Webhook, wordsOf } from "./settings.ts";
import { bodyKind, fillBody, fillUrl, type Words } from "./template.ts";

/** Requests of the user: an order is taken by a status of 200 to 299, and what a state looks like is theirs to say. */
export const webhook = definePower<typeof Webhook>({
  schema: Webhook,
  controller: (settings) => `webhook ${placesOf(settings)[0] ?? settings.address}`,
  // Behind one service there are many servers, each by a name of its own.
  switches: ({ address }) => [address],
  asks: placesOf,
  warnings: (settings) =>
    openPlaces(settings).map((place) => `what goes to ${place} by http: can be read on the way, a login too`),
  open(settings, lent) {
    const ask = askerOf(settings, lent);
    const { on, off, state, softOff, setBoot } = settings;
    return {
      async state(ctx) {
        const { text, address } = await ask(ctx, state, "the power state");
        const seen = stateIn(text, state);
        if (seen !== undefined) return seen;
        const reply = hiderOf(settings)(oneLine(text));
        throw powerErrors.make("POWER_ODD_REPLY", { address, reply, what: "the power state" });
      },
      set: async (ctx, to) => void (await ask(ctx, to === "on" ? on : off, `to switch ${to}`)),
      ...(softOff && {
        softOff: async (ctx: Context) => void (await ask(ctx, softOff, "to shut down")),
      }),
      ...(setBoot && {
        setBoot: async (ctx: Context, target: BootTarget) =>
          void (await ask(ctx, setBoot, "to choose what boots", bootWords(target))),
      }),
    } satisfies PowerDriver;
  },
});

const bootWords = ({ device, persistent, firmware }: BootTarget): Words => ({
  ...{ device, persistent: String(persistent), mode: firmware },
});

/** Sends a request with its words in their places, and answers the text of a good answer, and whose it is. */
type Ask = (
  ctx: Context,
  request: Webhook["on"],
  what: string,
  more?: Words,
) => Promise<{ readonly text: string; readonly address: string }>;

function askerOf(settings: Webhook, { memory }: Lent): Ask {
  const { user = "its requests", password = "", headers = {} } = settings;
  const login = guardLogin(memory, [user, password, JSON.stringify(headers)]);
  const hide = hiderOf(settings);
  return async (ctx, request, what, more = {}) => {
    const asked = fill(settings, request, { ...wordsOf(settings), ...more });
    const address = controllerName(asked.target.host, asked.target.port);
    if (await login.wasRefused()) throw powerErrors.make("POWER_LOCKED_OUT", { address, user });
    const { send } = await import("./http.ts");
    const answered = await letIn(settings, asked, (one) => send(ctx, settings, one));
    const trouble = troubleOf({ address, user, what, hide }, answered);
    if (hasCode(trouble, "POWER_DENIED")) await login.refused();
    // Others behind this service have other logins: that one of them is let in says nothing of one that was not.
    if (trouble !== undefined) throw trouble;
    return { text: answered.text, address };
  };
}

function fill(settings: Webhook, { url, method, body }: Webhook["on"], words: Words): Asked {
  const { headers = {} } = settings;
  const target = fillUrl(url, words);
  if (target === undefined) throw new TypeError(`no URL that a schema lets through: ${url}`);
  const kind = body === undefined ? undefined : bodyKind(body, headerIn(headers, "content-type"));
  const types = { json: "application/json", form: "application/x-www-form-urlencoded", text: "text/plain" };
  const type = kind && headerIn(headers, "content-type") === undefined ? { "content-type": types[kind] } : {};
  return {
    target,
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...type, ...headers },
    ...(body === undefined || kind === undefined ? {} : { body: fillBody(body, kind, words) }),
  };
}
