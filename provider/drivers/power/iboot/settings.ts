import { isIP } from "node:net";
import { z } from "zod";
import { across, faultIf } from "../../../kernel/rules.ts";
import { controllerName, isHost } from "../name.ts";

const inPlace = "in-place";
const mostRelays = 32; // a "change relays" of the vendor's protocol has so many bytes

/** `host[:port][,relay]`: how Nova wrote it, and many a list of nodes still does. */
const form = /^(?<host>\[[\da-fA-F:.]+\]|[^:,[\]]*)(?::(?<port>\d{1,5}))?(?:,(?<relay>\d{1,2}))?$/;

/** Undefined where it is none. */
function parts(address: string) {
  const [bare = "", relay] = address.split(",");
  // An IPv6 address without brackets has no port.
  const { host = "", ...more } =
    form.exec(isIP(bare) === 6 ? address.replace(bare, `[${bare}]`) : address)?.groups ?? {};
  const inner = host.replace(/^\[|\]$/g, "");
  return isHost(inner) ? { host: inner, port: more["port"], relay } : undefined;
}

function isPlace(address: string): boolean {
  const found = parts(address);
  const within = (text: string | undefined, most: number) =>
    text === undefined || (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= most);
  return found !== undefined && within(found.port, 65_535) && within(found.relay, mostRelays);
}

/** The header of the protocol has 21 bytes for each, of which the last one is zero. */
const field = z
  .string()
  .refine((text) => Buffer.byteLength(text) <= 20, "must not be longer than 20 bytes")
  // A carriage return ends, and an escape divides, what the older devices are told.
  .refine((text) => !/\p{Cc}/u.test(text), "must not hold control characters");

/** A Dataprobe iBoot, which switches a mains outlet. */
export const Iboot = across(
  z.strictObject({
    driver: z.literal("iboot").meta({ description: "A Dataprobe iBoot.", change: inPlace }),
    address: z
      .string()
      .refine(isPlace, 'Expected a host, as in "10.0.0.9", "10.0.0.9:9100" or "10.0.0.9:9100,2"')
      .meta({
        description:
          "Address or name of the device, as Nova wrote it: `host`, `host:port` or `host:port,relay`. The port is 9100, with `protocol: text` 80.",
        change: inPlace,
      }),
    relay: z.int().min(1).max(mostRelays).optional().meta({
      description: "Which of its outlets feeds the server, from 1 on, where `address` does not say so.",
      change: inPlace,
    }),
    user: field.optional().meta({ description: "Account on the device.", change: inPlace }),
    password: field.meta({
      description: "Its password. It travels in clear: keep the device in a network of its own.",
      secret: true,
      change: inPlace,
    }),
    protocol: z.enum(["dxp", "text"]).default("dxp").meta({
      description:
        "`dxp`: the Dataprobe Exchange Protocol (iBoot-G2 and later). `text`: the commands of older devices with one outlet and a password alone (iBoot, iBoot-Hub).",
      change: inPlace,
    }),
  }),
  {
    reads: ["protocol", "user"],
    faults: ({ protocol, user }) =>
      faultIf(protocol === "dxp" && user === undefined, "user", "Required: an account on the device"),
  },
  {
    reads: ["address", "relay"],
    faults: ({ address, relay }) =>
      faultIf(relay !== undefined && address.includes(","), "relay", "`address` says which outlet already"),
  },
  {
    reads: ["protocol", "relay"],
    faults: ({ protocol, relay = 1 }) =>
      faultIf(protocol === "text" && relay !== 1, "relay", "devices that speak `text` have one outlet"),
  },
).meta({ id: "Iboot", description: "A Dataprobe iBoot, which switches the server's mains." });
export type Iboot = z.output<typeof Iboot>;

/** Where the device is, which of its outlets is meant, and its name for people. */
export interface IbootPlace {
  readonly host: string;
  readonly port: number;
  readonly relay: number;
  readonly name: string;
}

export function placeOf({
  address,
  relay,
  protocol,
}: Pick<Iboot, "address" | "relay" | "protocol">): IbootPlace {
  const { host = "", port, relay: written } = parts(address) ?? {};
  const number = Number(port ?? (protocol === "text" ? 80 : 9100));
  const name = controllerName(host.toLowerCase(), number);
  return { host, port: number, relay: Number(written ?? relay ?? 1), name };
}
