import { z } from "zod";
import { across, faultIf } from "../../../kernel/rules.ts";
import { isHost } from "../name.ts";
import { pduRules } from "./faults.ts";
import { models } from "./models.ts";

const inPlace = "in-place";
const names = Object.keys(models) as [keyof typeof models, ...(keyof typeof models)[]];
const value = z
  .int()
  .min(-(2 ** 31))
  .max(2 ** 31 - 1);
const oid = z
  .string()
  .regex(
    /^\.?(0|1|2)(\.(\d{1,10}|\{outlet\}))+$/,
    'Expected an OID in numbers, as in "1.3.6.1.4.1.318.1.1.4.4.2.1.3.{outlet}"',
  )
  .refine((text) => text.split("{outlet}").length <= 2, "must hold {outlet} once at most");

/** Objects of a PDU that is none of the models. */
const Oids = across(
  z.strictObject({
    on: oid.meta({
      description: "What is written to switch on; `{outlet}` is where its number goes, or else the end.",
      change: inPlace,
    }),
    onValue: value.meta({ description: "The integer that switches on.", change: inPlace }),
    off: oid
      .optional()
      .meta({ description: "What is written to switch off. Default: that of `on`.", change: inPlace }),
    offValue: value.meta({ description: "The integer that switches off.", change: inPlace }),
    state: oid
      .optional()
      .meta({ description: "What tells the state. Default: what is written.", change: inPlace }),
    isOn: z
      .array(value)
      .min(1)
      .optional()
      .meta({ description: "What `state` is while an outlet is on. Default: `onValue`.", change: inPlace }),
    isOff: z
      .array(value)
      .min(1)
      .optional()
      .meta({ description: "What `state` is while an outlet is off. Default: `offValue`.", change: inPlace }),
  }),
  {
    reads: ["onValue", "isOn", "offValue", "isOff"],
    faults: ({ onValue, isOn = [onValue], offValue, isOff = [offValue] }) =>
      faultIf(
        isOn.some((n) => isOff.includes(n)),
        "isOff",
        "the same value cannot be on and off",
      ),
  },
).meta({ id: "PduOids", description: "The objects by which a PDU switches an outlet." });

const text = z.string().min(1);
/** RFC 3414, 11.2: eight characters or more; agents refuse shorter ones. */
const passphrase = z.string().min(8, "must have 8 characters or more");

/** Where a server's supplies are plugged in. */
const feed = {
  address: z
    .string()
    .refine(isHost, "must be an IP address or a host name")
    .meta({ description: "Address or name of the PDU.", change: inPlace }),
  port: z.int().min(1).max(65_535).default(161).meta({ description: "Its UDP port.", change: inPlace }),
  outlets: z
    .array(
      z.string().regex(/^\d{1,9}(\.\d{1,9})*$/, 'Expected the number of an outlet, as in "7" or "1.1.7"'),
    )
    .min(1)
    .meta({
      description:
        "Its outlets that feed the server, all of them. A number, or numbers with those of unit and branch before it, as its MIB has them.",
      change: inPlace,
    }),
};

/** A PDU that switches the server's mains by SNMP. */
export const SnmpPdu = across(
  z.strictObject({
    driver: z.literal("snmp-pdu").meta({ description: "Outlets of a PDU, by SNMP.", change: inPlace }),
    ...feed,
    model: z.enum(names).optional().meta({
      description: "Whose objects it has. One that is none of them is described by `oids`.",
      change: inPlace,
    }),
    oids: Oids.optional().meta({
      description: "Objects of one's own, in the place of `model`.",
      change: inPlace,
    }),
    also: z
      .array(
        z
          .strictObject(feed)
          .meta({ id: "PduFeed", description: "Outlets of a further PDU that feed the same server." }),
      )
      .optional()
      .meta({
        description:
          "Further PDUs that feed the server, as where its two supplies are on feeds of their own: of the same model, with the same login.",
        change: inPlace,
      }),
    version: z.enum(["v1", "v2c", "v3"]).default("v2c").meta({
      description: "Of SNMP. Only v3 has secrets that do not travel in clear.",
      change: inPlace,
    }),
    community: text
      .optional()
      .meta({ description: "Of v1 and v2c; it may write.", secret: true, change: inPlace }),
    readCommunity: text.optional().meta({
      description: "The one that looks, where it is another. Default: `community`.",
      secret: true,
      change: inPlace,
    }),
    user: text.optional().meta({ description: "Of v3.", change: inPlace }),
    authProtocol: z.enum(["md5", "sha", "sha224", "sha256", "sha384", "sha512"]).default("sha").meta({
      description: "How v3 proves who asks.",
      change: inPlace,
    }),
    authPassword: passphrase.optional().meta({
      description: "The user's passphrase for that. Without it nobody has to prove anything.",
      secret: true,
      change: inPlace,
    }),
    privProtocol: z.enum(["aes", "aes256b", "aes256r"]).default("aes").meta({
      description:
        "How v3 encrypts: AES-128, or AES-256 with the key made after Blumenthal or after Reeder (Cisco). DES is not offered.",
      change: inPlace,
    }),
    privPassword: passphrase.optional().meta({
      description: "The passphrase for that. Without it all is readable on the way.",
      secret: true,
      change: inPlace,
    }),
    context: z.string().optional().meta({ description: "Context of v3.", change: inPlace }),
  }),
  ...pduRules,
).meta({ id: "SnmpPdu", description: "A PDU that switches the server's mains by SNMP." });
export type SnmpPdu = z.output<typeof SnmpPdu>;
