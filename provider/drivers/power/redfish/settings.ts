import { isIP } from "node:net";
import { z } from "zod";
import { across } from "../../../kernel/rules.ts";
import { controllerName } from "../name.ts";
import { oneTrust, trust } from "../tls.ts";

const inPlace = "in-place";

/** Host, port, and both as one word. `https://` may stand before it. */
export function placeOf(address: string): {
  readonly host: string;
  readonly port: number;
  readonly name: string;
} {
  const bare = isIP(address) === 6 ? `[${address}]` : address;
  const { hostname, port } = new URL(bare.startsWith("https://") ? bare : `https://${bare}`);
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return { host, port: Number(port || 443), name: controllerName(host, Number(port || 443)) };
}

function isPlace(text: string): boolean {
  const bare = isIP(text) === 6 ? `[${text}]` : text;
  const full = bare.startsWith("https://") ? bare : `https://${bare}`;
  if (/\s/.test(text) || !URL.canParse(full)) return false;
  const { protocol, username, password, pathname, search, hash } = new URL(full);
  const nothing = username === "" && password === "" && search === "" && hash === "";
  return (
    protocol === "https:" && nothing && pathname === "/" && !/^\w+:\/\//.test(bare.replace("https://", ""))
  );
}

/** A server's controller that speaks Redfish. */
export const Redfish = across(
  z.strictObject({
    driver: z.literal("redfish").meta({ description: "Redfish over HTTPS.", change: inPlace }),
    address: z
      .string()
      .refine(isPlace, 'Expected a host, with a port if need be: "10.0.0.17", "bmc-7.example:8443"')
      .meta({ description: "Address or name of the controller, `host` or `host:port`.", change: inPlace }),
    user: z
      .string()
      .min(1)
      .refine((text) => !text.includes(":"), "must not hold a colon, which ends a user's name in HTTP")
      .meta({ description: "Account on the controller; it needs the operator's role.", change: inPlace }),
    password: z.string().meta({ description: "Its password.", secret: true, change: inPlace }),
    auth: z.enum(["session", "basic"]).default("session").meta({
      description:
        "`session`: one login for many requests, ended when it is not used; where the controller has no sessions, as `basic`. `basic`: the login goes with each request.",
      change: inPlace,
    }),
    system: z.string().min(1).optional().meta({
      description: "Which of the controller's systems: its path, Id, UUID or Name. Default: the only one.",
      change: inPlace,
    }),
    ...trust,
  }),
  oneTrust,
).meta({ id: "Redfish", description: "A power controller that speaks Redfish." });
export type Redfish = z.output<typeof Redfish>;
