import { z } from "zod";
import { across } from "../../../kernel/rules.ts";
import { controllerName } from "../name.ts";
import { oneTrust, trust } from "../tls.ts";
import { webhookRules } from "./faults.ts";
import { fillUrl, type Target, type Words } from "./template.ts";

const inPlace = "in-place";

/** Methods that change nothing where they should not, or everything, have no place here. */
const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

const request = {
  url: z.string().meta({
    description:
      "`http://` or `https://`, and where to. `{address}`, `{user}` and `{password}` stand for those fields, percent-encoded in path and query; in the host only `{address}`. A secret in it is written as `{password}`: the rest is shown.",
    change: inPlace,
  }),
  method: z
    .enum(methods)
    .optional()
    .meta({ description: "Default: `POST` with a `body`, `GET` without.", change: inPlace }),
  body: z.string().optional().meta({
    description:
      "What is sent with it, with the same words in it. JSON where it begins with `{` or `[`, else a form, unless `headers` say by `content-type` what it is.",
    change: inPlace,
  }),
};

const WebhookRequest = z
  .strictObject(request)
  .meta({ id: "WebhookRequest", description: "A request that has a server switched." });

const expression = (what: string, usual: string) =>
  z
    .string()
    .optional()
    .meta({
      description: `Regular expression of what says that the server is ${what}: all of the value at \`path\`, or some part of the whole answer; in capitals or not. Default with \`path\`: \`${usual}\`.`,
      change: inPlace,
    });

const WebhookState = z
  .strictObject({
    ...request,
    path: z.string().optional().meta({
      description: "Where in an answer of JSON the state stands, as in `POWER` or `relays[0].ison`.",
      change: inPlace,
    }),
    on: expression("on", "on|true|1"),
    off: expression("off", "off|false|0"),
  })
  .meta({ id: "WebhookState", description: "A request whose answer tells whether a server is on." });

/** A server that requests over HTTP switch. */
export const Webhook = across(
  z.strictObject({
    driver: z.literal("webhook").meta({ description: "Requests over HTTP.", change: inPlace }),
    address: z.string().min(1, "must not be empty").meta({
      description: "What is switched, in the service's own words, and as `{address}` in the requests.",
      change: inPlace,
    }),
    on: WebhookRequest.meta({
      description: "The request that switches on. A status of 200 to 299 says that the order was taken.",
      change: inPlace,
    }),
    off: WebhookRequest.meta({ description: "The same, to switch off at once.", change: inPlace }),
    state: WebhookState.meta({ description: "The same, to look.", change: inPlace }),
    softOff: WebhookRequest.optional().meta({
      description: "The same, to ask the system to shut down. Without it that cannot be asked.",
      change: inPlace,
    }),
    setBoot: WebhookRequest.optional().meta({
      description:
        "The same, to choose what boots: `{device}` is `network` or `disk`, `{persistent}` `true` or `false`, `{mode}` `bios` or `uefi`. Without it the firmware has to try the network first.",
      change: inPlace,
    }),
    user: z.string().min(1).optional().meta({ description: "Account of the service.", change: inPlace }),
    password: z.string().min(1).optional().meta({
      description: "Its password, or a token: whatever `{password}` stands for.",
      secret: true,
      change: inPlace,
    }),
    auth: z.enum(["none", "basic", "digest"]).default("none").meta({
      description:
        "How `user` and `password` go with each request, beside where the requests name them. `digest` does not tell the password (RFC 7616: SHA-256, MD5).",
      change: inPlace,
    }),
    headers: z.record(z.string(), z.string()).optional().meta({
      description: "Sent with each request: the place for a token.",
      secret: true,
      change: inPlace,
    }),
    ...trust,
  }),
  oneTrust,
  ...webhookRules,
).meta({ id: "Webhook", description: "A server that requests over HTTP switch." });
export type Webhook = z.output<typeof Webhook>;

/** What its requests may name. */
export const wordsOf = ({
  address,
  user,
  password,
}: Pick<Webhook, "address" | "user" | "password">): Words => ({
  address,
  ...(user === undefined ? {} : { user }),
  ...(password === undefined ? {} : { password }),
});

/** Where its requests go, each once; the first one switches on. */
function targetsOf(settings: Webhook): ReadonlyMap<string, Target> {
  const { on, off, state, softOff, setBoot } = settings;
  const targets = [on, off, state, softOff, setBoot].flatMap((request) => {
    const target = request && fillUrl(request.url, wordsOf(settings));
    return target ? [[controllerName(target.host, target.port), target] as const] : [];
  });
  return new Map(targets);
}

/** Hosts and ports that are spoken to; the first one switches on. */
export const placesOf = (settings: Webhook): readonly string[] => [...targetsOf(settings).keys()];

/** Those of them to which everything goes in clear. */
export const openPlaces = (settings: Webhook): readonly string[] =>
  [...targetsOf(settings)].flatMap(([place, { secure }]) => (secure ? [] : [place]));
